// Runs and what happened in them, for a person: a line a run, a line an event, the error whole.
import type { ErrorFacts } from '../domain/error-facts.js'
import type { StoredEvent } from '../domain/events.js'
import { isSubjectId, subjectName } from '../domain/subject.js'
import type { Run } from '../jobs/journal-rows.js'
import { isAlive } from '../sys/process-identity.js'
import { cellWidth, oneLine, wrapped } from './cells.js'
import { bytesText, countText, instantText, millisecondsText, secondsText } from './output.js'
import { table } from './table.js'

/** Runs of the tenants that were named; their events say which. */
const OF_SOME: ReadonlySet<string> = new Set(['backup', 'check-some'])

/**
 * A line a run. Why one went wrong stands behind it, or below where the line would not hold it.
 * @param columns lines have at most so many cells; null: as many as they need.
 */
export function runsText(runs: readonly Run[], columns: number | null): string {
  if (runs.length === 0) return 'no runs yet; type `gmah-backup backup`'
  const whole = linesOf(runs, { end: endText, columns: null })
  const fits = (line: string | undefined) => columns === null || cellWidth(line ?? '') <= columns
  const short = !linesOf(runs, { end: () => '', columns: null }).every(fits)
  const tooLong = new Set(runs.filter((_, at) => !fits(whole[at + 1])))
  const below = new Set([...tooLong].filter(wentWrong))
  // A beginning of the figures, or the ellipsis alone behind a name, says nothing.
  const hidden = short ? tooLong : below
  const end = (run: Run) => (hidden.has(run) ? '' : endText(run))
  const [headings = '', ...lines] = linesOf(runs, { end, columns, short })
  const told = runs.flatMap((run, at) => {
    const line = lines[at] ?? ''
    if (columns === null || !below.has(run)) return [line]
    // Behind a job with a long name, the subject itself may be cut off.
    const name = line.includes(subjectText(run)) ? '' : `${subjectText(run)}: `
    return [line, ...wrapped(`${name}${endText(run)}`, columns, '    ')]
  })
  return [headings, ...told].join('\n')
}

interface LineOptions {
  /** What stands in the last column. */
  end(run: Run): string
  columns: number | null
  /** Ids by their beginning, which is enough to type, no seconds, no trigger: so the subject has room at 80 columns. */
  short?: boolean
}

/** The table's lines, headings first. */
function linesOf(runs: readonly Run[], { end, columns, short = false }: LineOptions): string[] {
  const started = (run: Run) => instantText(run.startedAt.toISOString())
  const rows = runs.map(run => [
    short ? run.id.slice(0, 8) : run.id,
    short ? started(run).replace(/:\d\dZ$/, 'Z') : started(run),
    run.finishedAt ? secondsText((run.finishedAt.getTime() - run.startedAt.getTime()) / 1000) : '',
    outcomeText(run),
    run.job,
    subjectText(run),
    ...(short ? [] : [run.trigger]),
    end(run),
  ])
  const headings = ['run', 'started', 'took', 'outcome', 'job', 'subject', ...(short ? [] : ['trigger']), '']
  return table(headings, rows, { right: ['took'], columns }).split('\n')
}

const subjectText = ({ subject, job }: Run): string =>
  oneLine(subject ? subjectName(subject) : OF_SOME.has(job) ? 'some' : 'all')

const endText = ({ error, facts }: Run): string =>
  error ? `${error.code}: ${error.message}` : factsText(facts)

const wentWrong = ({ error, outcome }: Run): boolean => error !== null || outcome === 'partial'

/** One run from its beginning to its end. */
export function runText(run: Run, events: readonly StoredEvent[]): string {
  const subject = run.subject ? ` of ${oneLine(subjectName(run.subject))}` : ''
  const due = run.due ? `, due ${instantText(run.due.toISOString())}` : ''
  const head = `${run.job}${subject} (${run.trigger}${due}): ${outcomeText(run)}`
  const lines = events.map(event => {
    const about = event.subject ? oneLine(subjectName(event.subject)) : ''
    return [instantText(event.at), event.type.padEnd(17), about, eventFacts(event)].filter(Boolean).join('  ')
  })
  return [head, ...(run.error ? errorLines(run.error) : []), '', ...lines].join('\n')
}

/** A run whose process was killed stays `running` in the journal until a daemon starts. */
const outcomeText = ({ outcome, process }: Run): string =>
  outcome === 'running' && !isAlive(process) ? 'died' : outcome

function errorLines({ code, message, hint, causes }: ErrorFacts): string[] {
  const why = causes.slice(1).map(line => `  because: ${line.trimEnd().replaceAll('\n', '\n    ')}`)
  return [`  error: ${message} [${code}]`, ...why, `  hint: ${hint}`]
}

function eventFacts(event: StoredEvent): string {
  const facts: Record<string, unknown> = { ...event.facts }
  const { error, ...rest } = facts as { error?: ErrorFacts | null }
  const words = oneLine(factsText(rest))
  return error ? [words, oneLine(`${error.code}: ${error.message}`)].filter(Boolean).join(', ') : words
}

function factsText(facts: Readonly<Record<string, unknown>>): string {
  return Object.entries(facts)
    .filter(
      ([, value]) => value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0),
    )
    .map(([name, value]) => factText(name, value))
    .join(', ')
}

/** 7 succeeded · 49.6 MB stream · took 6.6 s · kind manual. */
function factText(name: string, value: unknown): string {
  if (typeof value === 'number' && name === 'durationMs') return `took ${secondsText(value / 1000)}`
  if (typeof value === 'number' && name.endsWith('Bytes')) {
    const words = name.replace(/Bytes$/, '').replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
    return `${bytesText(value)} ${words}`
  }
  if (typeof value === 'number') return numberText(name, value)
  if (name === 'instant' && typeof value === 'string') return `instant ${instantText(value)}`
  if (name === 'subjects' && Array.isArray(value))
    return `${name} ${value.map(one => (isSubjectId(one) ? subjectName(one) : one)).join(', ')}`
  if (Array.isArray(value) && value.every(one => typeof one === 'string')) return `${name} ${value.join(' ')}`
  return `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`
}

/** load 2.6 s · downtime 27 ms · 12 345 rows · 33.3 percent. */
function numberText(name: string, value: number): string {
  if (/.Seconds$/.test(name)) return `${name.replace(/Seconds$/, '')} ${secondsText(value)}`
  if (/.Ms$/.test(name)) return `${name.replace(/Ms$/, '')} ${millisecondsText(value)}`
  return `${Number.isInteger(value) ? countText(value) : value.toFixed(1)} ${name}`
}
