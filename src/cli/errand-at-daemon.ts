// An errand while a daemon runs: the daemon does it, its events make the same lines, and its report is read from the journal.
import { Failure } from '../domain/errors.js'
import type { StoredEvent } from '../domain/events.js'
import type { LiveEvent } from '../domain/live-events.js'
import type { Errand } from '../jobs/errand.js'
import type { Journal } from '../jobs/journal.js'
import type { Progress, Watcher } from '../jobs/parts.js'
import type { AtDaemon } from './at-daemon.js'

export const errandAtDaemon = <Asked, Told>(
  journal: Journal,
  errand: Errand<Asked, Told>,
  asked: Asked,
  watch: Watcher,
): AtDaemon<Told> => ({
  path: `/v1/errands/${errand.name}`,
  body: asked as object,
  heard: event => hear(event, watch),
  ...(watch.notice ? { notice: watch.notice } : {}),
  result: run => {
    const told = journal.report(run.id)
    // A run that failed has none: what it failed of is told instead.
    if (told !== null || run.error) return told as Told
    throw new Failure('unexpected', `the run ${run.id} left no report`)
  },
})

function hear(event: StoredEvent | LiveEvent, watch: Watcher): void {
  const { subject } = event
  if (!subject) return
  if (event.type === 'progress') watch.progress?.(subject, event.facts as Progress)
  if (event.type === 'subject-checked') watch.checked?.(subject, event.facts)
}
