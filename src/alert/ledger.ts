// Memory, incidents and mutes in SQLite. A look at the world is one transaction: events read, incidents moved, messages
// put out. A crash between two looks loses none of them and does none of them twice.
import type { Incident, Mute } from '../domain/alerts.js'
import { guard, type Sqlite } from '../sys/sqlite.js'
import { EMPTY_MEMORY, type Memory } from './memory.js'

export interface Ledger {
  /** Runs the work in one transaction under the write lock: the daemon and a command never mix. */
  together<T>(work: () => T): T
  memory(): { memory: Memory; cursor: number | null }
  /** Writes the parts that are not what they were. */
  remember(before: Memory, after: Memory, cursor: number): void
  /** Not closed, oldest first. */
  openIncidents(): Incident[]
  /** Closed ones, newest first. */
  closedIncidents(limit: number): Incident[]
  saveIncident(incident: Incident): void
  mutes(): Mute[]
  saveMute(mute: Mute): void
  /** Forgets mutes that are over, and incidents and messages of long ago. */
  tidy(now: Date): void
}

const KEPT_MS = 400 * 86_400_000

interface MemoryRow {
  part: string
  name: string
  doc: string
}

export function openLedger(db: Sqlite): Ledger {
  const rows = db.prepare('select part, name, doc from memory')
  const put = db.prepare('insert or replace into memory (part, name, doc) values (?, ?, ?)')
  const drop = db.prepare('delete from memory where part = ? and name = ?')
  const open = db.prepare('select doc from incidents where closed_at is null order by opened_at, id')
  const closed = db.prepare(
    'select doc from incidents where closed_at is not null order by closed_at desc, id limit ?',
  )
  const save = db.prepare(
    'insert or replace into incidents (id, rule, opened_at, closed_at, doc) values (?, ?, ?, ?, ?)',
  )
  const mutes = db.prepare('select id, target, until, why, by from mutes order by until')
  const mute = db.prepare(
    'insert or replace into mutes (id, target, until, why, by) values (@id, @target, @until, @why, @by)',
  )
  const tidying = [
    ['delete from mutes where until < ?', 0],
    ['delete from incidents where closed_at < ?', KEPT_MS],
    ["delete from outbox where state != 'pending' and created_at < ?", KEPT_MS],
  ] as const
  const safely = <T>(work: () => T): T => guard(db.name, work)
  const incidents = (found: unknown[]) =>
    (found as { doc: string }[]).map(({ doc }) => JSON.parse(doc) as Incident)
  return {
    together: work => safely(() => db.transaction(work).immediate()),
    memory: () => safely(() => readMemory(rows.all() as MemoryRow[])),
    remember: (before, after, cursor) =>
      safely(() => {
        for (const [part, name, doc] of differences(before, after)) {
          if (doc === null) drop.run(part, name)
          else put.run(part, name, doc)
        }
        put.run('cursor', '', JSON.stringify(cursor))
      }),
    openIncidents: () => safely(() => incidents(open.all())),
    closedIncidents: limit => safely(() => incidents(closed.all(limit))),
    saveIncident: one =>
      safely(() => void save.run(one.id, one.rule, one.openedAt, one.closedAt, JSON.stringify(one))),
    mutes: () => safely(() => mutes.all() as Mute[]),
    saveMute: one => safely(() => void mute.run(one)),
    tidy: now =>
      safely(() => {
        for (const [sql, keptMs] of tidying) {
          db.prepare(sql).run(new Date(now.getTime() - keptMs).toISOString())
        }
      }),
  }
}

type Part = keyof Memory
const PARTS = Object.keys(EMPTY_MEMORY) as Part[]
/** A part that is one thing, not a record of things by name. */
const WHOLE: readonly Part[] = ['daemon']

function readMemory(rows: MemoryRow[]): { memory: Memory; cursor: number | null } {
  const memory: Record<string, unknown> = structuredClone(EMPTY_MEMORY) as unknown as Record<string, unknown>
  let cursor: number | null = null
  for (const { part, name, doc } of rows) {
    if (part === 'cursor') cursor = JSON.parse(doc) as number
    else if (WHOLE.includes(part as Part)) memory[part] = JSON.parse(doc)
    else (memory[part] as Record<string, unknown>)[name] = JSON.parse(doc)
  }
  return { memory: memory as unknown as Memory, cursor }
}

/** What is to be written (or dropped: null): parts are never changed in place, so what is identical is the same. */
function differences(before: Memory, after: Memory): [Part, string, string | null][] {
  return PARTS.flatMap(part => {
    if (before[part] === after[part]) return []
    if (WHOLE.includes(part)) return [[part, '', JSON.stringify(after[part])]] as [Part, string, string][]
    const [old, now] = [before[part], after[part]] as Record<string, unknown>[]
    const changed = Object.entries(now ?? {}).filter(([name, value]) => old?.[name] !== value)
    const gone = Object.keys(old ?? {}).filter(name => !(name in (now ?? {})))
    return [
      ...changed.map(([name, value]): [Part, string, string | null] => [part, name, JSON.stringify(value)]),
      ...gone.map((name): [Part, string, string | null] => [part, name, null]),
    ]
  })
}
