// What an operator asks of a restored database: a query that must come true, or rows within bounds. Inline or a file each.
import { z } from 'zod'
import { Failure } from './errors.js'
import { type SubjectId, subjectName } from './subject.js'

const text = z.string().trim().min(1)
const bound = z.int().nonnegative()

export const assertionSchema = z
  .strictObject({
    name: text,
    sql: text,
    tenants: z.array(text).min(1).optional(),
    at_least: bound.optional(),
    at_most: bound.optional(),
  })
  .refine(
    one => (one.at_least ?? 0) <= (one.at_most ?? Number.MAX_SAFE_INTEGER),
    'must have at_least <= at_most',
  )

export interface Assertion {
  name: string
  /** One statement that reads. */
  sql: string
  /** Names as subjectName gives them; null: every tenant, and no platform subject. */
  tenants: readonly string[] | null
  /** How many rows the query may yield; null: it must yield one row with one true value. */
  rows: { atLeast: number; atMost: number } | null
}

export function toAssertion(raw: z.output<typeof assertionSchema>): Assertion {
  const bounded = raw.at_least !== undefined || raw.at_most !== undefined
  return {
    name: raw.name,
    sql: withoutEnd(raw.sql),
    tenants: raw.tenants ?? null,
    rows: bounded ? { atLeast: raw.at_least ?? 0, atMost: raw.at_most ?? Number.MAX_SAFE_INTEGER } : null,
  }
}

const HEAD = /^--\s*(tenant|at_least|at_most):\s*(.+?)\s*$/

/**
 * An assertion from a .sql file: comment lines like `-- tenant: acme`, `-- at_least: 1`, `-- at_most: 10`, then the query.
 * @throws Failure config-invalid
 */
export function parseAssertionFile(name: string, content: string): Assertion {
  const found = content.split('\n').flatMap(line => {
    const [, key, value] = HEAD.exec(line) ?? []
    return key === undefined || value === undefined ? [] : [{ key, value }]
  })
  const tenants = found.filter(one => one.key === 'tenant').map(one => one.value)
  const number = (key: string) => found.filter(one => one.key === key).map(one => Number(one.value))[0]
  const sql = content
    .split('\n')
    .filter(line => !/^\s*--/.test(line))
    .join('\n')
  const raw = { name, sql, tenants: tenants.length > 0 ? tenants : undefined }
  const parsed = assertionSchema.safeParse({
    ...raw,
    at_least: number('at_least'),
    at_most: number('at_most'),
  })
  if (parsed.success) return toAssertion(parsed.data)
  throw new Failure('config-invalid', `is no assertion: ${z.prettifyError(parsed.error)}`, {
    hint: 'write comment lines like `-- tenant: acme` or `-- at_least: 1`, then one SELECT',
  })
}

/** Those that are asked of this subject. */
export function assertionsFor(all: readonly Assertion[], subject: SubjectId): Assertion[] {
  const name = subjectName(subject)
  return all.filter(one => (one.tenants ? one.tenants.includes(name) : subject.startsWith('tenants/')))
}

const withoutEnd = (sql: string): string => sql.trim().replace(/;\s*$/, '')
