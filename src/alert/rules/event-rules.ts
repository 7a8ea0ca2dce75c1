// What each event means to an operator. One line an event: a new type does not compile until it has one here.
import { ERRORS, type ErrorCode, EXIT } from '../../domain/errors.js'
import type { EventType, StoredEvent } from '../../domain/events.js'
import type { RunId } from '../../domain/ids.js'
import { PROOF_LEVELS } from '../../domain/proof-level.js'
import { keptRun } from '../../domain/restore-names.js'
import { shellWord } from '../../domain/shell-word.js'
import type { Memory } from '../memory.js'
import { LAYER_RULES } from './layer-rules.js'
import { type EventOf, type Rule, silent } from './rule.js'
import type { RuleId } from './rule-table.js'
import { shrinkage } from './shrinkage.js'
import { clear, ofError, raise, type Sign } from './signs.js'

const few = (lines: readonly string[]): string => lines.slice(0, 5).join('; ')
const megabytes = (bytes: number | null): string => (bytes === null ? '?' : `${Math.round(bytes / 1e6)} MB`)

/**
 * A name that was mistyped, a database that is there already: whoever asked has read it, and nobody else has to get up. Not so
 * what may also come hours later, out of the load or the swap.
 */
const refusedAtOnce = (code: ErrorCode): boolean =>
  ([EXIT.usage, EXIT.notFound, EXIT.refused] as number[]).includes(ERRORS[code].exit) &&
  !ERRORS[code].retryable &&
  code !== 'extension-missing'

const EVENT_RULES: { [T in EventType]: Rule<T> } = {
  ...LAYER_RULES,
  'run-started': silent,
  'run-finished': (event, memory) => ofRun(event, memory),
  // The schedule tries again; if that fails too, it gets late. The daemon's own crash is told by daemon-started.
  'run-interrupted': silent,
  'run-cancel-asked': silent,
  // Somebody wanted it so: nothing failed, and who was told of its beginning is told of its end.
  'run-cancelled': event => [
    raise('run-cancelled', event, { detail: `${event.facts.job}: ${event.facts.error.message}` }),
  ],
  'run-missed': event => [
    raise('run-missed', event, {
      cause: event.facts.job,
      scope: event.facts.schedule,
      detail: `${event.facts.schedule}, due ${event.facts.due}`,
    }),
  ],
  'run-planned': silent,
  'subject-skipped': silent,
  drift: event => [
    raise('drift', event, {
      cause: event.facts.kind,
      scope: `${event.facts.kind} ${event.facts.database || event.facts.tenant}`,
      detail: [event.facts.tenant, event.facts.database, event.facts.status, event.facts.reason]
        .filter(Boolean)
        .join(', '),
      severity: event.facts.kind === 'inactive-tenant-with-database' ? 'info' : 'warning',
    }),
  ],
  'discovery-problem': event => [
    raise('discovery-problem', event, { ...ofError(event.facts.error), scope: event.facts.error.message }),
  ],
  'schemas-left': event => {
    const { database, schemas } = event.facts
    const drops = schemas.map(name => `DROP SCHEMA ${name} CASCADE`).join('; ')
    return [
      raise('schemas-left', event, {
        detail: `${database}: ${few(schemas)}`,
        hint: `psql -d ${shellWord(database)} -c ${shellWord(drops)}`,
      }),
    ]
  },
  // Waited for or back, it is no trouble yet; away, each subject that failed of it says so.
  'server-away': silent,
  'backup-started': silent,
  'backup-committed': (event, memory) => [
    ...(event.subject ? [clear('backup-failed', event.subject), ...schemasGone(event, memory)] : []),
    ...shrinkage(event, memory),
  ],
  'backup-failed': event => [raise('backup-failed', event, ofError(event.facts.error))],
  'restore-started': event => [raise('restore-started', event, { detail: `→ ${event.facts.target}` })],
  'restore-waiting': event => [
    raise('restore-waiting', event, {
      ...{ cause: event.facts.plan, scope: event.facts.plan },
      detail: `${event.facts.who}: ${event.facts.reason}`,
    }),
  ],
  'restore-finished': event => [
    raise('restore-finished', event, {
      detail: `→ ${event.facts.target}, ${Math.round(event.facts.durationMs / 1000)} s`,
    }),
  ],
  'restore-failed': event => [
    raise('restore-failed', event, {
      ...ofError(event.facts.error),
      ...(refusedAtOnce(event.facts.error.code) ? { severity: 'info' as const } : {}),
    }),
  ],
  'backup-passed-over': event => [
    raise('backup-passed-over', event, { detail: `${event.facts.instant}: ${event.facts.message}` }),
  ],
  'swap-step': silent,
  'swap-finished': event => [
    // What comes in was put aside by a restore before: it gets its place back.
    raise(keptRun(event.facts.incoming) ? 'restore-undone' : 'swap-finished', event, {
      detail: swapDetail(event.facts),
    }),
  ],
  'swap-repaired': event => [
    raise('swap-repaired', event, { detail: `${event.facts.live}: ${event.facts.outcome}` }),
  ],
  'kept-dropped': silent,
  'playbook-notice': event => [
    raise('playbook-notice', event, { cause: event.run ?? 'playbook', detail: event.facts.message }),
  ],
  'playbook-waiting': event => [
    raise('playbook-waiting', event, {
      ...{ cause: event.facts.playbook, scope: event.facts.id, detail: event.facts.question },
    }),
  ],
  'proof-passed': ({ subject }) =>
    subject
      ? [
          clear('proof-failed', subject),
          clear('proof-impossible', subject),
          clear('drill-failed', subject),
          ...PROOF_LEVELS.map(level => clear('proof-failed', `${subject} ${level}`)),
        ]
      : [],
  'proof-failed': event => [
    raise('proof-failed', event, {
      detail: `backup ${event.facts.backup}: ${few(event.facts.differences)}`,
    }),
  ],
  'backup-verified': event => {
    const { backup, level, outcome, differences } = event.facts
    const scope = `${event.subject} ${level}`
    if (outcome === 'passed') return [clear('proof-failed', scope)]
    return [
      raise('proof-failed', event, { scope, detail: `backup ${backup} (${level}): ${few(differences)}` }),
    ]
  },
  'drill-planned': silent,
  // What did not fit into one night is told when its proof gets too old; what never fits is told at once.
  'drill-left-out': event =>
    event.facts.reason === 'budget'
      ? []
      : [
          raise('proof-impossible', event, {
            detail: `${megabytes(event.facts.neededBytes)} > ${megabytes(event.facts.freeBytes)}`,
          }),
        ],
  'drill-failed': event => [raise('drill-failed', event, ofError(event.facts.error))],
  'scratch-differs': silent,
  'drills-covered': silent,
  'config-reloaded': () => [clear('config-refused', 'config-refused')],
  'config-refused': event => [
    raise('config-refused', event, {
      detail: event.facts.problems.map(one => `${one.path} ${one.message} (${one.at})`).join('; '),
    }),
  ],
  'schedule-paused': silent,
  'schedule-resumed': silent,
  'lease-acquired': silent,
  // Of its own last life it is told by daemon-started.
  'lease-taken-over': event =>
    event.facts.holder.startsWith(`${event.facts.from} `)
      ? []
      : [raise('lease-taken-over', event, { detail: `${event.facts.from} → ${event.facts.holder}` })],
  'lease-lost': event => [raise('lease-lost', event, { detail: event.facts.why })],
  'daemon-started': (event, memory) => [
    clear('config-refused', 'config-refused'),
    ...(memory.daemon.running
      ? [raise('daemon-crashed', event, { detail: memory.daemon.interrupted.join(', ') || '–' })]
      : []),
  ],
  'daemon-stopping': silent,
  'keys-rotated': event => [raise('keys-changed', event, { detail: event.facts.recipients.join(', ') })],
  'catalogue-rebuilt': silent,
}

/** Where nothing was before, nobody was refused and nothing is put aside. */
function swapDetail({ live, downtimeMs, kept }: EventOf<'swap-finished'>['facts']): string {
  const more = [...(downtimeMs === null ? [] : [`${downtimeMs} ms`]), ...(kept === null ? [] : [kept])]
  return more.length === 0 ? live : `${live}: ${more.join('; ')}`
}

/** What this very backup did not find is there no more. */
function schemasGone({ subject, run }: EventOf<'backup-committed'>, { troubles }: Memory): Sign[] {
  const known = troubles[`schemas-left ${subject}`]
  return known && known.run !== run ? [clear('schemas-left', known.scope)] : []
}

/** What an event says, given what was known before it. */
export function signsOf(event: StoredEvent, memory: Memory): Sign[] {
  // What a cancelled run did not get done is no trouble of its own.
  if (event.type !== 'run-cancelled' && 'error' in event.facts && event.facts.error?.code === 'cancelled')
    return []
  return (EVENT_RULES[event.type] as Rule<EventType> | undefined)?.(event as never, memory) ?? []
}

/** A failed run is told once: by what failed in it where that was told, by itself where nothing was. */
function ofRun(event: EventOf<'run-finished'>, memory: Memory): Sign[] {
  const { job, outcome, error } = event.facts
  const run = event.run ? memory.runs[event.run] : undefined
  const byHand = run?.trigger === 'manual' || run?.trigger === 'api'
  if (event.subject !== null) return []
  const seen = outcome === 'failed' ? [] : unseen(job, event.run)
  if (outcome === 'succeeded') return [...seen, clear('job-failed', job), clear('job-partial', job)]
  if (byHand) return seen
  const told = (run?.troubles ?? 0) > 0
  if (outcome === 'partial') {
    const partial = raise('job-partial', event, { cause: job, scope: job, detail: job })
    return [...seen, clear('job-failed', job), ...(told ? [] : [partial])]
  }
  const details = error ? ofError(error) : { detail: job, hint: '' }
  const failed = raise('job-failed', event, {
    ...details,
    cause: job,
    scope: job,
    ...(job === 'backup-all' ? { severity: 'critical' as const } : {}),
  })
  return told ? [] : [failed]
}

/** What each run of a job says anew as long as it is so: what it did not say is over. */
const SAID_ANEW: Record<string, readonly RuleId[]> = {
  'backup-all': ['drift', 'discovery-problem'],
  sweep: ['retention-blocked', 'sweep-failed', 'subject-departed'],
}

const unseen = (job: string, exceptRun: RunId | null): Sign[] =>
  (SAID_ANEW[job] ?? []).map(rule => ({ do: 'clear-unseen', rule, exceptRun }))
