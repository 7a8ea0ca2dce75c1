// Messages on their way: kept until a channel took them. A claim keeps two processes from sending one at the same time;
// after a crash it lapses, and the message is sent again under the same name: at least once, and hardly ever twice.
import type { Clock } from '../sys/clock.js'
import { guard, type Sqlite } from '../sys/sqlite.js'
import type { Letter } from './letter.js'

export interface Outgoing {
  id: number
  channel: string
  incident: string | null
  kind: string
  letter: Letter
  attempts: number
  createdAt: string
}

export interface Way {
  name: string
  failingSince: string | null
  /** It stays so until a person repairs it: 1, or it may pass: 0. */
  lasting: number
  problem: string
  hint: string
  testedAt: string | null
}

export interface Outbox {
  /**
   * What waits for the same channel about the same incident is replaced where it says less. A reminder is left out where
   * the channel took a message about the incident less than half of `remindMs` ago: one that was long on its way.
   * @returns the message's id, or that of the message that says it already.
   */
  put(channel: string, letter: Letter, options?: { remindMs?: number }): number
  /** Claims the oldest messages for a channel, those that failed before behind the others; with `ids`, those alone. */
  claim(channel: string, options: { limit: number; ids?: readonly number[] }): Outgoing[]
  sent(message: Outgoing): void
  /** It waits on. */
  keep(message: Outgoing, problem: string): void
  /** Gives it up. */
  refused(message: Pick<Outgoing, 'id'>, problem: string): void
  /** How many wait, in all or for a channel. */
  pending(channel?: string): number
  /** How many wait, by channel; none where none does. */
  waiting(): ReadonlyMap<string, number>
  /** Channels and heartbeats that were used before. */
  ways(): Way[]
  /** Notes how a way out fared: null is well. */
  note(name: string, trouble: { problem: string; hint: string; lasting: boolean } | null): void
  tested(name: string): void
}

/** Longer than any attempt to send takes. */
const CLAIM_MS = 3 * 60_000

export function openOutbox(db: Sqlite, clock: Clock): Outbox {
  const sql = statements(db)
  const nowIso = (plusMs = 0): string => new Date(clock.now().getTime() + plusMs).toISOString()
  const claim = db.transaction(
    (channel: string, limit: number, ids: readonly number[] | null): Outgoing[] => {
      const due = { channel, now: nowIso(), claimAhead: nowIso(CLAIM_MS), limit }
      const rows = (ids ? ids.map(id => sql.one.get(id)).filter(Boolean) : sql.due.all(due)) as Row[]
      for (const { id } of rows) sql.claim.run(nowIso(CLAIM_MS), id)
      return rows.map(toOutgoing)
    },
  )
  const put = db.transaction((channel: string, letter: Letter, remindMs: number): number => {
    const { incident, kind } = letter
    if (incident !== null) {
      sql.supersede.run({ channel, incident, kind })
      const said = { channel, incident, from: nowIso(-remindMs / 2), to: nowIso(remindMs / 2) }
      const known = kind === 'reminder' ? (sql.known.get(said) as { id: number } | undefined) : null
      if (known) return known.id
    }
    const row = { channel, incident, kind, letter: JSON.stringify(letter), now: nowIso() }
    return Number(sql.insert.run(row).lastInsertRowid)
  })
  const safely = <T>(work: () => T): T => guard(db.name, work)
  return {
    put: (channel, letter, { remindMs = 0 } = {}) => safely(() => put(channel, letter, remindMs)),
    claim: (channel, { limit, ids }) => safely(() => claim.immediate(channel, limit, ids ?? null)),
    sent: ({ id }) => safely(() => void sql.sent.run(nowIso(), id)),
    keep: ({ id }, problem) => safely(() => void sql.keep.run(problem, id)),
    refused: ({ id }, problem) => safely(() => void sql.refuse.run(problem, id)),
    pending: channel => safely(() => (sql.pending.get({ channel: channel ?? null }) as { n: number }).n),
    waiting: () =>
      safely(() => {
        const rows = sql.waiting.all() as { channel: string; n: number }[]
        return new Map(rows.map(({ channel, n }) => [channel, n]))
      }),
    ways: () => safely(() => sql.ways.all() as Way[]),
    note: (name, trouble) =>
      safely(() => {
        const { problem, hint, lasting } = trouble ?? { problem: '', hint: '', lasting: false }
        sql.note.run({ name, since: trouble ? nowIso() : null, problem, hint, lasting: lasting ? 1 : 0 })
      }),
    tested: name => safely(() => void sql.tested.run({ name, now: nowIso() })),
  }
}

interface Row {
  id: number
  channel: string
  incident: string | null
  kind: string
  letter: string
  attempts: number
  created_at: string
}

const toOutgoing = ({ letter, created_at, ...row }: Row): Outgoing => ({
  ...row,
  letter: JSON.parse(letter) as Letter,
  createdAt: created_at,
})

function statements(db: Sqlite) {
  const free = `(claimed_until is null or claimed_until < @now or claimed_until > @claimAhead)`
  return {
    insert: db.prepare(
      `insert into outbox (channel, incident, kind, letter, created_at)
       values (@channel, @incident, @kind, @letter, @now)`,
    ),
    // A reminder says no more than what waits already; an end says all that the messages before it would have said.
    supersede: db.prepare(
      `delete from outbox where state = 'pending' and claimed_until is null and channel = @channel
       and incident = @incident and (kind = 'reminder' or @kind in ('over', 'grown'))`,
    ),
    // It waits, or was taken a short while ago, by a clock that may have been put back since.
    known: db.prepare(
      `select id from outbox where channel = @channel and incident = @incident
       and (state = 'pending' and claimed_until is null or state = 'sent' and sent_at > @from and sent_at < @to)
       order by id desc limit 1`,
    ),
    one: db.prepare(`select * from outbox where id = ? and state = 'pending'`),
    due: db.prepare(
      `select * from outbox where state = 'pending' and channel = @channel and ${free}
       order by attempts, id limit @limit`,
    ),
    claim: db.prepare('update outbox set claimed_until = ?, attempts = attempts + 1 where id = ?'),
    sent: db.prepare(
      `update outbox set state = 'sent', sent_at = ?, last_error = null, claimed_until = null where id = ?`,
    ),
    refuse: db.prepare(
      `update outbox set state = 'refused', last_error = ?, claimed_until = null where id = ?`,
    ),
    keep: db.prepare('update outbox set last_error = ?, claimed_until = null where id = ?'),
    pending: db.prepare(
      `select count(*) as n from outbox where state = 'pending' and (@channel is null or channel = @channel)`,
    ),
    waiting: db.prepare(`select channel, count(*) as n from outbox where state = 'pending' group by channel`),
    ways: db.prepare(
      'select name, failing_since as failingSince, lasting, problem, hint, tested_at as testedAt from channels order by name',
    ),
    note: db.prepare(
      `insert into channels (name, failing_since, lasting, problem, hint) values (@name, @since, @lasting, @problem, @hint)
       on conflict (name) do update set problem = @problem, hint = @hint, lasting = @lasting,
       failing_since = case when @since is null then null else coalesce(failing_since, @since) end`,
    ),
    tested: db.prepare(
      `insert into channels (name, tested_at) values (@name, @now) on conflict (name) do update set tested_at = @now`,
    ),
  }
}
