// The audit's chain: each line's hash is over the line and the hash before it, so that no line can be changed, dropped or
// put between without every later hash being wrong. Who can write the file could make a whole new chain: note heads elsewhere.
import { createHash } from 'node:crypto'
import { Failure } from '../domain/errors.js'
import { redactText } from '../domain/redact.js'
import type { Clock } from '../sys/clock.js'
import { guard, type Sqlite } from '../sys/sqlite.js'
import type { AuditRow, NewAuditLine } from './journal-rows.js'

export interface AuditVerdict {
  lines: number
  /** Hash of the newest line; null while there is none. */
  head: string | null
}

/** Before the first line. */
const GENESIS = '0'.repeat(64)

type Content = Pick<AuditRow, 'at' | 'who' | 'action' | 'target' | 'outcome' | 'detail' | 'origin' | 'run'>

/** The hash of one line, whose content is written down unambiguously. */
function chained(before: string, { at, who, action, target, outcome, detail, origin, run }: Content): string {
  const words = [before, at, who, action, target, outcome, detail, origin]
  // Lines of before runs were named, and lines without one, have the hash that they always had.
  const content = JSON.stringify(run === null ? words : [...words, run])
  return createHash('sha256').update(content).digest('hex')
}

/** Appends a line. The line before is read under the write lock: several processes write here. */
export function auditWriter(db: Sqlite, clock: Clock): (line: NewAuditLine) => void {
  const last = db.prepare('select hash from audit order by seq desc limit 1')
  const insert = db.prepare(
    `insert into audit (at, who, action, target, outcome, detail, origin, run, hash)
     values (@at, @who, @action, @target, @outcome, @detail, @origin, @run, @hash)`,
  )
  const append = db.transaction((line: NewAuditLine) => {
    const before = (last.get() as { hash: string | null } | undefined)?.hash ?? GENESIS
    const detail = line.detail === null ? null : redactText(line.detail)
    const target = redactText(line.target)
    const { origin = null, run = null } = line
    const row = { ...line, at: clock.now().toISOString(), target, detail, origin, run }
    insert.run({ ...row, hash: chained(before, row) })
  })
  return line => guard(db.name, () => append.immediate(line))
}

/**
 * Walks the whole chain.
 * @param noted a head that was noted elsewhere before: it must be in the chain.
 * @throws Failure audit-broken at the first line that does not fit.
 */
export function verifyAudit(db: Sqlite, noted?: string): AuditVerdict {
  return guard(db.name, () => {
    let head: string | null = null
    let seq = 0
    let lines = 0
    let found = noted === undefined
    for (const row of auditRows(db)) {
      lines += 1
      if (row.seq !== seq + 1) throw broken(`lines ${seq + 1} to ${row.seq - 1} of the audit are gone`)
      seq = row.seq
      if (row.hash === null && head === null) continue
      if (row.hash !== chained(head ?? GENESIS, row)) throw broken(`line ${seq} of the audit was changed`)
      head = row.hash
      found ||= head === noted
    }
    if (!found) throw broken(`no line of the audit has the hash ${noted}`)
    return { lines, head }
  })
}

/** Oldest first, a page at a time. */
function* auditRows(db: Sqlite): Generator<AuditRow> {
  const after = db.prepare('select * from audit where seq > ? order by seq limit 1000')
  let page: AuditRow[]
  let last = Number.MIN_SAFE_INTEGER
  do {
    page = after.all(last) as AuditRow[]
    yield* page
    last = page.at(-1)?.seq ?? last
  } while (page.length > 0)
}

const broken = (message: string): Failure => new Failure('audit-broken', message)
