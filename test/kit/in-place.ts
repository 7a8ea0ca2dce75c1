// Restores in place in a test: journalled runs, as the command line makes them.
import { asFailure, type Failure } from '../../src/domain/errors.js'
import { subjectNamed } from '../../src/domain/subject.js'
import type { InPlaceReport, InPlaceRequest, SwapOutcome } from '../../src/jobs/in-place-report.js'
import { endOfInPlace, restoreInPlace } from '../../src/jobs/restore-in-place.js'
import { undoRestore, undoTarget } from '../../src/jobs/undo-restore.js'
import type { Cluster } from './cluster.js'
import type { Installation } from './installation.js'

type Options = Partial<Omit<InPlaceRequest, 'subject'>> & { signal?: AbortSignal }

/** One run of restore in place; throws what made it fail. */
export async function putBack(
  here: Installation,
  name: string,
  options: Options = {},
): Promise<InPlaceReport> {
  const { signal, ...rest } = options
  const subject = subjectNamed(name)
  const request = { subject, backup: 'latest', withRoles: false, withoutSafetyCopy: null, ...rest }
  const made: { report?: InPlaceReport } = {}
  const { failure } = await here.app.runner.run(
    { name: 'restore', subject, trigger: 'manual' },
    async context => {
      const both = signal ? AbortSignal.any([signal, context.signal]) : context.signal
      made.report = await restoreInPlace(here.parts(), request, { ...context, signal: both })
      return endOfInPlace(made.report, request)
    },
  )
  if (failure) throw failure
  return made.report as InPlaceReport
}

/** What it failed of. */
export const putBackFails = (...asked: Parameters<typeof putBack>): Promise<Failure> =>
  putBack(...asked).then(
    () => Promise.reject(new Error('it was expected to fail')),
    thrown => asFailure(thrown),
  )

/** One run of restore undo. */
export async function undo(here: Installation, run: string): Promise<SwapOutcome> {
  const target = await undoTarget(here.parts(), run, new AbortController().signal)
  const { subject } = target
  const made: { outcome?: SwapOutcome } = {}
  const { failure } = await here.app.runner.run(
    { name: 'restore-undo', subject, trigger: 'manual' },
    async context => {
      made.outcome = await undoRestore(here.parts(), target, context)
      return { outcome: 'succeeded' }
    },
  )
  if (failure) throw failure
  return made.outcome as SwapOutcome
}

/** Every database of the server with whether it takes connections: `name` or `name (closed)`. */
export async function databasesOf(cluster: Cluster): Promise<string[]> {
  const rows = await cluster.sql<{ name: string; open: boolean }>(
    'postgres',
    `SELECT datname::text AS name, datallowconn AS open FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1`,
  )
  return rows.map(({ name, open }) => (open ? name : `${name} (closed)`))
}
