// What the daemon does with the jobs: tidy up after its last life, and run what a schedule asks for.
import { monthOf } from '../domain/archive-name.js'
import { asFailure } from '../domain/errors.js'
import type { RunId } from '../domain/ids.js'
import type { JobName, Schedule } from '../domain/schedule.js'
import { sweepPasswordFiles } from '../postgres/environment.js'
import { sweepDucts } from '../sys/duct.js'
import type { Logger } from '../sys/log.js'
import { isAlive } from '../sys/process-identity.js'
import { archiveTenants, endOfArchives } from './archive-tenants.js'
import { backupAll } from './backup-all.js'
import { endOfNight } from './backup-report.js'
import { endOfCheck } from './check-report.js'
import { checkStore } from './check-store.js'
import { lookWhoIsThere } from './departures.js'
import { drill } from './drill.js'
import { endOfDrills } from './drill-report.js'
import type { Journal } from './journal.js'
import type { Parts } from './parts.js'
import { publishPlaybooks } from './publish-playbooks.js'
import { type BackupsVanished, refreshCatalogue } from './refresh-catalogue.js'
import { repairSwaps } from './repair-swaps.js'
import type { JobEnd, JobRequest, Runner, RunResult } from './runner.js'
import { sweepDrills } from './scratch-bench.js'
import { endOfSnapshots, SNAPSHOTS_LOCK, type SnapshotSchedule, snapshotServers } from './snapshot-servers.js'
import { startServersLeftOff } from './start-servers.js'
import { endOfKeptSweep, sweepKept } from './sweep-kept.js'
import { sweepSchemas, sweepStaging } from './sweep-staging.js'
import { endOfSweep, sweepStore } from './sweep-store.js'
import { type Week, weekOf } from './week.js'

/** Closes the runs that a crash left open, drops what their restores left on the server, and learns what the store has gained. */
export async function closeLastLife(parts: Parts, journal: Journal, log: Logger): Promise<void> {
  for (const run of journal.closeInterrupted(isAlive)) {
    log.warn(
      { run: run.id, job: run.job, startedAt: run.startedAt },
      'a run was interrupted by the end of its process',
    )
  }
  await sweepTemporaryFolders()
  try {
    const { repaired, problems } = await repairSwaps(parts, journal)
    for (const swap of repaired) log.warn(swap, 'a swap that was cut short was put right')
    for (const error of problems) log.error({ error }, 'PgBouncer may still hold the clients of a tenant')
    const { dropped, failed } = await dropLeftovers(parts, journal)
    if (dropped.length > 0) log.warn({ dropped }, 'removed what interrupted restores and drills had left')
    if (failed.length > 0) throw failed[0]
  } catch (thrown) {
    // PostgreSQL may start after us; what is left over is in nobody's way, and the next start tries again.
    log.warn({ error: asFailure(thrown) }, 'could not look for leftovers of interrupted restores')
  }
  const { added, gone, problems } = await refreshCatalogue(parts, ofNoRun(journal))
  if (added + gone.length > 0)
    log.info({ added, gone: gone.length }, 'the catalogue was brought up to date from the store')
  for (const problem of problems) log.error(problem, 'an object in the store cannot be used')
}

/** What processes that were killed left in the machine's temporary folder. */
async function sweepTemporaryFolders(): Promise<void> {
  await sweepPasswordFiles()
  await sweepDucts()
}

/** More than anybody starts between a crash and the next start. */
const RESTORES_LOOKED_AT = 1000

/** Of restores and drills whose run is over. Drills may have another server: that it is away keeps nothing here. */
async function dropLeftovers(
  parts: Parts,
  journal: Journal,
): Promise<{ dropped: string[]; failed: unknown[] }> {
  const isOver = (id: RunId): boolean => (journal.run(id)?.outcome ?? 'running') !== 'running'
  const staging = sweepStaging(parts, isOver)
  const restores = journal.runs({ job: 'restore', limit: RESTORES_LOOKED_AT })
  const suspects = new Set(restores.filter(run => run.outcome !== 'succeeded').map(run => run.subject))
  const schemas = staging.catch(() => {}).then(() => sweepSchemas(parts, isOver, suspects))
  const swept = await Promise.allSettled([sweepDrills(parts, isOver), staging, schemas])
  return {
    dropped: swept.flatMap(one => (one.status === 'fulfilled' ? one.value : [])),
    failed: swept.flatMap(one => (one.status === 'rejected' ? [one.reason] : [])),
  }
}

/** What a command does before a run of its own, so that a crash is told and cleared where no daemon starts. */
export async function closeDeadRuns(parts: Parts, journal: Journal): Promise<void> {
  const dead = journal.closeInterrupted(isAlive)
  // While the server is away there is nothing to put right; whatever comes next tries again.
  await repairSwaps(parts, journal).catch(() => {})
  if (dead.length === 0) return
  await sweepTemporaryFolders()
  await dropLeftovers(parts, journal).catch(() => {})
  // The dead may have committed what they could not note any more.
  await refreshCatalogue(parts, ofNoRun(journal))
}

const ofNoRun =
  (journal: Journal) =>
  (event: BackupsVanished): void =>
    void journal.event({ ...event, run: null })

/** Without the copy everything works as well: a store that refuses it is said, and the next start tries again. */
export async function copyPlaybooks(parts: Parts, folder: string, log: Logger): Promise<void> {
  try {
    const published = await publishPlaybooks(parts.repository.store, folder)
    if (published.length > 0) log.info({ published }, 'the store has the playbooks as they are now')
  } catch (thrown) {
    log.warn({ error: asFailure(thrown) }, 'the playbooks could not be copied into the store')
  }
}

/** What a schedule's job must not run beside: snapshots made by hand, too. */
export const lockOf = (job: JobName): Pick<JobRequest, 'name' | 'lock'> =>
  job === 'snapshot-servers' ? { name: job, lock: SNAPSHOTS_LOCK } : { name: job }

/**
 * Runs a schedule's job to its end, under the instant that asked for it, if any.
 * @param assemble gives the parts as they are when the run starts; what it throws is how the run failed.
 * @param sendDigest puts the week's message out: who writes messages is no job's business.
 */
export function runSchedule(
  assemble: () => Promise<Parts>,
  runner: Runner,
  schedule: Schedule,
  launch: Pick<JobRequest, 'trigger' | 'due'>,
  sendDigest: (week: Week) => Promise<JobEnd>,
): Promise<RunResult> {
  const job = { ...lockOf(schedule.job), deadlineMs: schedule.deadlineMs, ...launch }
  switch (schedule.job) {
    case 'backup-all':
      return runner.run(job, async context =>
        endOfNight(await backupAll(await assemble(), { kind: 'scheduled', label: null, names: [] }, context)),
      )
    case 'check': {
      const { read, readBudgetBytes } = schedule
      return runner.run(job, async context =>
        endOfCheck(
          await checkStore(
            await assemble(),
            { names: [], mode: read, budgetBytes: readBudgetBytes },
            context,
          ),
        ),
      )
    }
    case 'sweep-kept':
      return runner.run(job, async context => endOfKeptSweep(await sweepKept(await assemble(), context)))
    case 'archive-tenants':
      return runner.run(job, async context => {
        const parts = await assemble()
        const { timeZone: zone } = schedule
        const month = monthOf(launch.due ?? parts.clock.now(), zone)
        return endOfArchives(await archiveTenants(parts, { month, zone, makeUp: schedule.catchUp }, context))
      })
    case 'sweep':
      return runner.run(job, async context => {
        const parts = await assemble()
        const present = await lookWhoIsThere(parts, context.signal)
        return endOfSweep(await sweepStore(parts, { present, yesRemove: null }, context))
      })
    case 'drill':
      return runner.run(job, async context => endOfDrills(await drill(await assemble(), schedule, context)))
    case 'snapshot-servers':
      return runSnapshots(assemble, runner, schedule, job)
    case 'digest':
      return runner.run(job, async context => sendDigest(await weekOf(await assemble(), context.signal)))
    default:
      return schedule satisfies never
  }
}

/** A run that its deadline cut short may have left a server off, which nobody else would start. */
async function runSnapshots(
  assemble: () => Promise<Parts>,
  runner: Runner,
  schedule: SnapshotSchedule,
  job: JobRequest,
): Promise<RunResult> {
  const result = await runner.run(job, async context =>
    endOfSnapshots(await snapshotServers(await assemble(), schedule, context)),
  )
  if (result.run.outcome !== 'interrupted') await startServersLeftOff(await assemble(), runner)
  return result
}
