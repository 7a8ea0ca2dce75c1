// The journal's tables, one migration an entry: entries are never changed, only added (src/sys/sqlite.ts).

import { ROTATION_MIGRATION } from './rotation-laps.js'

export const JOURNAL_MIGRATIONS: readonly string[] = [
  `
  create table runs (
    id text primary key,
    job text not null,
    subject text,
    trigger text not null,
    due text,
    host text not null,
    pid integer not null,
    process_start text not null,
    started_at text not null,
    finished_at text,
    outcome text not null,
    error text,
    facts text not null default '{}'
  ) strict;
  create index runs_by_start on runs (started_at);
  create index runs_by_due on runs (job, due);
  create index runs_running on runs (outcome) where outcome = 'running';

  create table events (
    seq integer primary key autoincrement,
    at text not null,
    run text,
    subject text,
    type text not null,
    facts text not null
  ) strict;
  create index events_by_run on events (run, seq);
  create trigger events_stay before update on events begin select raise(abort, 'events are append-only'); end;

  create trigger events_remain before delete on events begin select raise(abort, 'events are append-only'); end;

  create table audit (
    seq integer primary key autoincrement,
    at text not null,
    who text not null,
    action text not null,
    target text not null,
    outcome text not null,
    detail text
  ) strict;
  create trigger audit_stays before update on audit begin select raise(abort, 'the audit is append-only'); end;
  create trigger audit_remains before delete on audit begin select raise(abort, 'the audit is append-only'); end;

  create table job_locks (
    name text primary key,
    token text not null,
    host text not null,
    pid integer not null,
    process_start text not null,
    since text not null
  ) strict;

  create table schedule_states (
    name text primary key,
    timing text not null,
    paused integer not null default 0,
    since text not null
  ) strict;
  `,
  `
  alter table audit add column origin text;
  alter table audit add column hash text;

  create table tokens (
    id text primary key,
    name text not null,
    hash blob not null,
    role text not null,
    tenants text,
    created_at text not null,
    expires_at text,
    revoked_at text
  ) strict;

  create table restore_plans (
    id text primary key,
    subject text not null,
    request text not null,
    basis text not null,
    plan text not null,
    who text not null,
    made_at text not null,
    expires_at text not null,
    approved_by text,
    run text
  ) strict;

  create table idempotency_keys (
    who text not null,
    key text not null,
    request text not null,
    run text,
    host text not null,
    pid integer not null,
    process_start text not null,
    at text not null,
    primary key (who, key)
  ) strict;
  `,
  `create index events_by_subject on events (subject, type, seq) where subject is not null;`,
  // What a start asks first must not read the events of years.
  `create index events_of_swaps on events (seq) where type in ('swap-step', 'swap-finished', 'swap-repaired');`,
  `
  create table playbook_runs (id text primary key, started_at text not null, run text not null) strict;
  `,
  ROTATION_MIGRATION,
  'alter table runs add column report text;',
  // Only what is older than the horizon can be deleted, whatever statement comes (src/jobs/old-events.ts).
  `
  create table journal_horizon (id integer primary key check (id = 1), at text not null) strict;
  insert into journal_horizon values (1, '');
  drop trigger events_remain;
  create trigger events_remain before delete on events when old.at >= (select at from journal_horizon)
  begin select raise(abort, 'events are append-only'); end;
  create index events_of_none on events (type, seq) where subject is null;
  `,
  'alter table audit add column run text;',
]
