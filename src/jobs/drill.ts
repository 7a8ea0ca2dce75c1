// A night of test restores: whose proof is the oldest goes first, as many as the budget has room for, and nothing is left
// out in silence. One tenant's failure is one tenant's failure.
import PQueue from 'p-queue'
import { asFailure, type Failure } from '../domain/errors.js'
import type { DrillSettings } from '../domain/schedule.js'
import type { SubjectId } from '../domain/subject.js'
import {
  type Coverage,
  coverageOf,
  expectedSeconds,
  isOverdue,
  type PlannedDrill,
  planDrills,
} from '../verify/drill-plan.js'
import { neededBytes } from '../verify/scratch-disk.js'
import { drillArchives } from './drill-archives.js'
import { assertFresh, backupWindowMs, drillCandidates } from './drill-candidates.js'
import { type DrillReport, emptyReport } from './drill-report.js'
import { errorFacts } from './journal-rows.js'
import { look } from './list-tenants.js'
import { openBackup } from './open-backup.js'
import type { JobContext, Parts } from './parts.js'
import { proveBackup } from './prove-backup.js'
import { refreshCatalogue } from './refresh-catalogue.js'
import { type Bench, withBench } from './scratch-bench.js'

/** What all drills of a night share. */
interface Night {
  parts: Parts
  settings: DrillSettings
  context: JobContext
  bench: Bench
  report: DrillReport
  startedTicks: number
  /** Subjects that are on the server; null when it could not be asked. */
  living: ReadonlySet<SubjectId> | null
  /** What the loads of this moment may take in all. */
  reserved: { bytes: number }
}

/**
 * Test-restores the newest backup of as many subjects as the budget allows.
 * @throws Failure when nothing can be drilled at all (the store is away), and the signal's reason; a subject's own failure
 * is in the report.
 */
export async function drill(
  parts: Parts,
  settings: DrillSettings,
  context: JobContext,
): Promise<DrillReport> {
  await refreshCatalogue(parts, context.emit, { from: 'cache', signal: context.signal })
  const limits = limitsOf(parts, settings)
  const plan = planDrills(drillCandidates(parts.catalogue), limits)
  const report = emptyReport(coverageOf([], limits))
  const facts = {
    subjects: plan.chosen.length,
    expectedSeconds: plan.expectedSeconds,
    leftOut: plan.left.length,
  }
  context.emit({ type: 'drill-planned', facts })
  context.watch?.planned?.(plan.chosen.map(one => one.subject))
  await withBench(parts, context, async bench => {
    const startedTicks = parts.clock.ticks()
    const living = await whoLives(parts, context)
    const night = { parts, settings, context, bench, report, startedTicks, living, reserved: { bytes: 0 } }
    for (const one of plan.left) leaveOut(night, one, 'budget', 0, null)
    const queue = new PQueue({ concurrency: settings.concurrency })
    try {
      await queue.addAll(plan.chosen.map((one, place) => () => drillOne(night, one, place === 0)))
    } finally {
      await queue.onIdle()
    }
    context.signal.throwIfAborted()
    report.archives = await drillArchives(parts, bench, subject => hasTimeFor(night, subject), context)
  })
  context.signal.throwIfAborted()
  report.coverage = tellCoverage(parts, settings, context)
  return report
}

/** Without the server's word everyone counts as living: rather a stale backup told twice than never. */
async function whoLives(parts: Parts, context: JobContext): Promise<ReadonlySet<SubjectId> | null> {
  try {
    const { subjects } = await look(parts, context.signal)
    return new Set(subjects.map(one => one.id))
  } catch (thrown) {
    context.signal.throwIfAborted()
    context.emit({ type: 'discovery-problem', facts: { error: errorFacts(asFailure(thrown)) } })
    return null
  }
}

async function drillOne(night: Night, planned: PlannedDrill, first: boolean): Promise<void> {
  const { parts, context, report } = night
  const { subject, backup } = planned
  if (context.signal.aborted) return
  // Plans are guesses; the clock is asked again.
  if (!first && planned.expectedSeconds > secondsLeft(night))
    return leaveOut(night, planned, 'budget', 0, null)
  try {
    const entry = parts.catalogue.find(backup)
    assertFresh(entry, {
      windowMs: backupWindowMs(parts.config),
      now: parts.clock.now(),
      living: night.living,
    })
    const opened = await openBackup(parts.repository, subject, backup)
    const record = await withRoom(
      night,
      planned,
      opened.manifest.dump ? neededBytes(opened.manifest.dump) : 0,
      () => proveBackup(parts, opened, night.bench, context),
    )
    if (!record) return
    if (record.outcome === 'passed') report.passed.push({ subject, record })
    else report.failed.push({ subject, backup, why: record.differences.slice(0, 5).join('; ') })
    context.watch?.proven?.(subject, record)
  } catch (thrown) {
    const failure = asFailure(thrown)
    const { neededBytes: needed, freeBytes: free } = failure.facts
    // An interruption is the whole run's, which tells of it.
    if (context.signal.aborted) return
    if (failure.code === 'disk-full' && typeof needed === 'number')
      leaveOut(night, planned, 'disk', needed, typeof free === 'number' ? free : null)
    else notDrilled(night, planned, failure)
  }
}

const secondsLeft = ({ parts, settings, startedTicks }: Night): number =>
  (settings.budgetMs - (parts.clock.ticks() - startedTicks)) / 1000

/** An archive's dump takes what a drill of the same tenant takes. */
function hasTimeFor(night: Night, subject: SubjectId): boolean {
  const all = drillCandidates(night.parts.catalogue)
  const own = all.find(one => one.subject === subject)
  return secondsLeft(night) > (own ? expectedSeconds(own, all) : 0)
}

/** Runs the load when there is room for it beside those that are under way. @returns null when there is not, which is told. */
async function withRoom<T>(
  night: Night,
  planned: PlannedDrill,
  needed: number,
  load: () => Promise<T>,
): Promise<T | null> {
  const { settings, reserved, bench } = night
  const allowed = settings.diskBytes - reserved.bytes
  const free = await bench.scratch.freeBytes()
  const room = free === null ? allowed : Math.min(allowed, free - reserved.bytes)
  if (needed > room) {
    leaveOut(night, planned, 'disk', needed, Math.max(0, room))
    return null
  }
  reserved.bytes += needed
  try {
    return await load()
  } finally {
    reserved.bytes -= needed
  }
}

function leaveOut(
  { parts, settings, context, report }: Night,
  { subject, backup, provenAtMs, expectedSeconds }: PlannedDrill,
  reason: 'budget' | 'disk',
  needed: number,
  free: number | null,
): void {
  const overdue = isOverdue({ provenAtMs }, limitsOf(parts, settings))
  const provenAt = provenAtMs === null ? null : new Date(provenAtMs).toISOString()
  const facts = { backup, reason, provenAt, overdue, expectedSeconds, neededBytes: needed, freeBytes: free }
  report.left.push({ subject, ...facts })
  context.emit({ type: 'drill-left-out', subject, facts })
}

/** A failure that is no verdict. */
function notDrilled({ context, report }: Night, { subject, backup }: PlannedDrill, failure: Failure): void {
  report.failed.push({ subject, backup, why: `${failure.code}: ${failure.message}` })
  context.emit({ type: 'drill-failed', subject, facts: { backup, error: errorFacts(failure) } })
  context.watch?.failed?.(subject, failure)
}

const limitsOf = (parts: Parts, { budgetMs, concurrency, everyMs }: DrillSettings) => ({
  nowMs: parts.clock.now().getTime(),
  budgetSeconds: budgetMs / 1000,
  concurrency,
  everyMs,
})

function tellCoverage(parts: Parts, settings: DrillSettings, context: JobContext): Coverage {
  const coverage = coverageOf(drillCandidates(parts.catalogue), limitsOf(parts, settings))
  const everyDays = settings.everyMs / 86_400_000
  context.emit({ type: 'drills-covered', facts: { ...coverage, everyDays } })
  return coverage
}
