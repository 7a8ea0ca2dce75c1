// The schedule files, checked like the configuration and into the same list of problems: shape, cron, window, clock changes.
import { asFailure } from '../domain/errors.js'
import { type Problem, problemsOf } from '../domain/problem.js'
import { formatDuration } from '../domain/quantity.js'
import { type Schedule, scheduleSchema, toSchedule } from '../domain/schedule.js'
import { changes, offsetMs } from '../domain/zone.js'
import { parseYaml } from '../sys/yaml.js'
import { type Cron, everyHour, matches, nextDue, parseCron } from './cron.js'

export interface ScheduleFile {
  /** Null when there are problems. */
  schedule: Schedule | null
  problems: Problem[]
  /** Lawful, but worth a second thought. */
  warnings: Problem[]
}

interface Source {
  name: string
  /** For messages. */
  file: string
  text: string
  variables: Readonly<Record<string, string | undefined>>
  now: Date
}

const MINUTE_MS = 60_000
const TWO_YEARS_MS = 2 * 366 * 86_400_000
/** A year of a daily schedule: the day of 25 hours is among them. */
const GAPS_LOOKED_AT = 370

/** Reads one schedule. Never throws: whatever is wrong is in `problems`. */
export function parseSchedule(source: Source): ScheduleFile {
  const yaml = parseYaml(source.text, source.file, source.variables)
  const found: ScheduleFile = { schedule: null, problems: yaml.problems, warnings: [] }
  if (yaml.data === null && yaml.problems.length > 0) return found
  const data = (yaml.data ?? {}) as Record<string, unknown>
  const note = (key: string, message: string, hint: string): Problem => ({
    path: key,
    message,
    hint,
    at: yaml.at([key]),
    code: 'config-invalid',
  })
  const parsed = scheduleSchema.safeParse(data, { reportInput: true })
  if (!parsed.success) {
    const hint = () => 'see schedules/nightly-dumps.yaml for an example'
    // Of the job that is meant, where one is: what other jobs know would only mislead.
    const schema = scheduleSchema.options.find(one => one.shape.job.value === data.job) ?? scheduleSchema
    found.problems.push(...problemsOf(parsed.error, { schema, at: yaml.at, hint, earlier: yaml.problems }))
  }
  const told = found.problems.some(one => one.path === 'cron')
  const cron = typeof data.cron === 'string' && !told ? readCron(data.cron, found, note) : null
  if (!parsed.success || !cron || found.problems.length > 0) return found
  const schedule = toSchedule(source.name, parsed.data)
  found.problems.push(...windowProblems(schedule, cron, source.now, note))
  found.warnings.push(...clockWarnings(schedule, cron, source.now, note))
  if (found.problems.length === 0) found.schedule = schedule
  return found
}

/** Whatever else is wrong with the schedule. */
function readCron(text: string, found: ScheduleFile, note: Note): Cron | null {
  try {
    return parseCron(text)
  } catch (thrown) {
    const failure = asFailure(thrown)
    found.problems.push(note('cron', failure.message, failure.hint))
    return null
  }
}

type Note = (key: string, message: string, hint: string) => Problem

/** A window shorter than the time between two runs would be broken every day. */
function windowProblems(schedule: Schedule, cron: Cron, now: Date, note: Note): Problem[] {
  let due = nextDue(cron, schedule.timeZone, now)
  if (!due) return [note('cron', 'never comes due', 'choose a day that exists')]
  let longestMs = 0
  for (let seen = 0; seen < GAPS_LOOKED_AT && longestMs <= schedule.freshnessWindowMs; seen++) {
    const next = nextDue(cron, schedule.timeZone, due)
    if (!next) break
    longestMs = Math.max(longestMs, next.getTime() - due.getTime())
    due = next
  }
  if (longestMs <= schedule.freshnessWindowMs) return []
  const message = `is ${formatDuration(schedule.freshnessWindowMs)}, but two runs lie ${formatDuration(longestMs)} apart`
  return [note('freshness_window', message, 'make it longer than the longest wait between two runs')]
}

/** Times that a change of the clocks in the next two years skips or repeats. Computed for the zone, one warning a kind. */
function clockWarnings(schedule: Schedule, cron: Cron, now: Date, note: Note): Problem[] {
  if (everyHour(cron)) return []
  const warnings = new Map<string, Problem>()
  const zone = schedule.timeZone
  for (const change of changes(zone, now.getTime(), now.getTime() + TWO_YEARS_MS)) {
    const readings = [change + offsetMs(zone, change - 1), change + offsetMs(zone, change)] as const
    const skipped = readings[0] < readings[1]
    const local = firstMatch(cron, Math.min(...readings), Math.max(...readings))
    const kind = skipped ? 'skipped' : 'repeated'
    if (local === null || warnings.has(kind)) continue
    const when = new Date(local).toISOString()
    const message = skipped
      ? `${when.slice(11, 16)} does not exist on ${when.slice(0, 10)} in ${zone}: that run starts when the clock goes on`
      : `${when.slice(11, 16)} comes twice on ${when.slice(0, 10)} in ${zone}: only the first one runs`
    warnings.set(kind, note('cron', message, 'choose a time that no change of the clocks touches'))
  }
  return [...warnings.values()]
}

function firstMatch(cron: Cron, from: number, to: number): number | null {
  for (let local = from; local < to; local += MINUTE_MS) if (matches(cron, local)) return local
  return null
}
