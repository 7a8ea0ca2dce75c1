// The alerts' tables, one migration an entry: entries are never changed, only added (src/sys/sqlite.ts).

export const ALERT_MIGRATIONS: readonly string[] = [
  `
  -- What the rules remember, one piece a row, and under 'cursor' how far the journal was read.
  create table memory (part text not null, name text not null, doc text not null, primary key (part, name)) strict;

  create table incidents (
    id text primary key,
    rule text not null,
    opened_at text not null,
    closed_at text,
    doc text not null
  ) strict;
  create index incidents_open on incidents (closed_at) where closed_at is null;

  create table mutes (
    id text primary key,
    target text not null,
    until text not null,
    why text not null,
    by text not null
  ) strict;

  -- One message to one channel. 'pending' until the channel took it ('sent') or refused it for good ('refused').
  create table outbox (
    id integer primary key autoincrement,
    channel text not null,
    incident text,
    kind text not null,
    letter text not null,
    state text not null default 'pending',
    attempts integer not null default 0,
    created_at text not null,
    claimed_until text,
    last_error text
  ) strict;
  create index outbox_pending on outbox (state, channel, id) where state = 'pending';

  -- How each way out fared: null since when nothing is wrong.
  create table channels (
    name text primary key,
    failing_since text,
    lasting integer not null default 0,
    problem text not null default '',
    hint text not null default '',
    tested_at text
  ) strict;
  `,
  `
  -- When the channel took it: a reminder soon after a message that was long on its way would say nothing new.
  alter table outbox add column sent_at text;
  create index outbox_told on outbox (incident, channel) where state = 'sent';
  `,
]
