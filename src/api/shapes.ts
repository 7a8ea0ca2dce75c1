// What the API shows, as schemas: they check each answer on its way out, and make the OpenAPI document.
import { z } from 'zod'
import { OUTCOMES, TRIGGERS } from '../domain/run-events.js'
import { subjectNamed } from '../domain/subject.js'
import type { Run } from '../jobs/journal-rows.js'

const problemShape = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  hint: z.string(),
})

const errorShape = z.strictObject({
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  causes: z.array(z.string()),
})

export const runShape = z.strictObject({
  id: z.string(),
  job: z.string(),
  subject: z.string().nullable(),
  trigger: z.enum(TRIGGERS),
  due: z.date().nullable(),
  startedAt: z.date(),
  finishedAt: z.date().nullable(),
  outcome: z.enum(OUTCOMES),
  error: errorShape.nullable(),
  facts: z.record(z.string(), z.unknown()),
})

/** A run without the process it is in. */
export const runView = ({ process: _, ...run }: Run): z.output<typeof runShape> => run

const problemAnswer = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemShape } },
})

const PROBLEMS = {
  400: 'The request is not what it must be',
  401: 'No valid token',
  403: 'Not with this token',
  404: 'There is no such thing',
  409: 'Not now, or not like this',
  422: 'This Idempotency-Key was used for another request',
  429: 'Too many requests',
  500: 'A bug, or something broken: the code says what',
  502: 'PostgreSQL or the store refused',
  503: 'Not now: the store is busy, or the daemon is stopping',
  504: 'It took too long',
  507: 'No space left',
} as const

/** The answers of a route: its own, and the problems that any may answer with. */
export const answers = <T extends Record<number, unknown>>(own: T) => ({
  ...(Object.fromEntries(
    Object.entries(PROBLEMS).map(([status, description]) => [status, problemAnswer(description)]),
  ) as Record<keyof typeof PROBLEMS, ReturnType<typeof problemAnswer>>),
  ...own,
})

/** Every route of /v1 asks for a token, but on the socket. */
export const SECURITY = [{ token: [] }]

/** No database has a longer name, and no directory store could keep it. */
const SUBJECT_MAX = 200

export const tenantName = z
  .string()
  .min(1)
  .max(SUBJECT_MAX)
  .refine(
    name => !name.isWellFormed() || subjectNamed(name).length <= SUBJECT_MAX,
    'is longer than any tenant is called',
  )
  .describe("A tenant's own name; platform/master, platform/globals")

export const tenantParam = z.strictObject({ tenant: tenantName })

export const archiveParams = tenantParam.extend({ archive: z.string().regex(/^latest$|^\d{4}-\d\d(-\d+)?$/) })

export const limitQuery = (most: number, usual: number) =>
  z.coerce.number().int().min(1).max(most).default(usual)
