// A job's report as the journal keeps it for whoever asked for it from another process: plain data, and it comes back as it was.
import type { ErrorFacts } from '../domain/error-facts.js'
import { Failure } from '../domain/errors.js'
import { redact } from '../domain/redact.js'
import { errorFacts, failureOf } from './journal-rows.js'

/** JSON has no dates, no failures and no maps. A report has no field that is called like one of these. */
const DATE = '$date'
const FAILURE = '$failure'
const MAP = '$map'

/** The text of a report, without secrets. */
export const reportText = (report: unknown): string => JSON.stringify(redact(marked(report)))

/** The report again; its failures have their causes as text. */
export const reportOf = (text: string): unknown =>
  JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value
    if (DATE in value) return new Date(value[DATE] as string)
    if (MAP in value) return new Map(value[MAP] as [unknown, unknown][])
    return FAILURE in value ? failureOf(value[FAILURE] as ErrorFacts) : value
  })

function marked(value: unknown): unknown {
  if (value instanceof Failure) return { [FAILURE]: errorFacts(value) }
  if (value instanceof Date) return { [DATE]: value.toISOString() }
  if (value instanceof Map) return { [MAP]: [...value].map(marked) }
  if (Array.isArray(value)) return value.map(marked)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, marked(inner)]))
}
