// A playbook: one disaster's way out, as prose for a person and as steps for the program. The steps are a closed list;
// what must not be torn apart (safety copy, load, proof, swap) is one of them.
import { z } from 'zod'
import { duration } from './quantity-schema.js'

const text = z.string().min(1)
const MINUTE_MS = 60_000

const every = {
  /** What the report calls it. */
  name: text,
  timeout: duration({ minMs: MINUTE_MS, maxMs: 7 * 24 * 60 * MINUTE_MS }).prefault('6h'),
  /** `stop`: nothing after it happens until someone resumes. `go-on`: it is told, and the next one follows. */
  on_failure: z.enum(['stop', 'go-on']).default('stop'),
}
const tenant = text.describe('a tenant, or platform/master')
const backup = text.default('latest')

const stepSchema = z.discriminatedUnion('do', [
  /** What a restore would do; fails when something stands in its way. */
  z.strictObject({ do: z.literal('preflight'), ...every, tenant, backup, database: text.optional() }),
  z.strictObject({ do: z.literal('backup'), ...every, tenant: tenant.optional(), label: text.optional() }),
  /** Safety copy, load, proof, swap; what was there stays beside, and `restore undo` brings it back. */
  z.strictObject({ do: z.literal('restore-in-place'), ...every, tenant, backup }),
  /** Load and proof, into a new database; with `tables` (by commas) only these, of `schema`. */
  z.strictObject({
    do: z.literal('restore-beside'),
    ...every,
    tenant,
    backup,
    database: text,
    tables: text.optional(),
    schema: text.default('public'),
  }),
  /** Roles, master and every tenant, on a server that lacks them. */
  z.strictObject({ do: z.literal('recover'), ...every, concurrency: z.int().min(1).max(32).default(2) }),
  z.strictObject({ do: z.literal('rebuild-catalogue'), ...every }),
  z.strictObject({ do: z.literal('rotate-keys'), ...every, new_identity: z.boolean().default(false) }),
  /** One statement; with `expect`, its only value must read so. */
  z.strictObject({ do: z.literal('run-sql'), ...every, database: text, sql: text, expect: text.optional() }),
  z.strictObject({ do: z.literal('notify'), ...every, message: text }),
  z.strictObject({ do: z.literal('wait-for-approval'), ...every, question: text }),
])
export type PlaybookStep = z.output<typeof stepSchema>

export const playbookSchema = z.strictObject({
  title: text,
  parameters: z
    .record(
      z.string().regex(/^[a-z][a-z_]*$/, 'must be a word in lower case'),
      z.strictObject({ about: text, default: text.optional() }),
    )
    .default({}),
  /** Empty: for a person alone, because the daemon is what was lost. */
  steps: z.array(stepSchema),
})

export interface Playbook extends z.output<typeof playbookSchema> {
  /** The file's name without its ending. */
  name: string
  /** The prose. */
  body: string
}

const PLACE = /\{([a-z][a-z_]*)\}/g

/** The names in braces that a value holds, which no parameter has. */
export function strangers(playbook: z.output<typeof playbookSchema>): string[] {
  const named = playbook.steps.flatMap(step => Object.values(step).flatMap(placesIn))
  return [...new Set(named)].filter(name => !Object.hasOwn(playbook.parameters, name))
}

const placesIn = (value: unknown): string[] =>
  typeof value === 'string' ? [...value.matchAll(PLACE)].map(match => match[1] ?? '') : []

/** The step with `{name}` replaced by the parameters' values. A value is never looked at again. */
export function filledIn(step: PlaybookStep, parameters: Readonly<Record<string, string>>): PlaybookStep {
  const filled = Object.entries(step).map(([key, value]) => [
    key,
    typeof value === 'string' ? value.replace(PLACE, (whole, name) => parameters[name] ?? whole) : value,
  ])
  return Object.fromEntries(filled) as PlaybookStep
}
