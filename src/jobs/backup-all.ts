// One night: discover, then back every subject up, some at once. One tenant's failure is one tenant's failure.
import PQueue from 'p-queue'
import { asFailure, Failure } from '../domain/errors.js'
import { type Subject, subjectName, subjectNamed } from '../domain/subject.js'
import type { Discovery } from '../postgres/discover.js'
import { backupGlobals } from './backup-globals.js'
import { backupFacts, type NightReport } from './backup-report.js'
import { backupTenant } from './backup-tenant.js'
import { errorFacts } from './journal-rows.js'
import { allDrift, look } from './list-tenants.js'
import type { BackupRequest, JobContext, Parts } from './parts.js'
import { type SecondTry, secondTries } from './second-try.js'

/** A dump holds two connections: its own and the one that exports the snapshot. */
const CONNECTIONS_A_DUMP = 2

/** Two runs for different tenants do not wait for each other: the lease of each subject keeps them apart. */
export const backupJob = (names: readonly string[]): { name: string; lock?: string } =>
  names.length === 0
    ? { name: 'backup-all' }
    : { name: 'backup', lock: `backup ${[...names].sort().join(' ')}` }

/**
 * Backs up every subject there is, or those asked for by name.
 * @throws Failure when the server cannot be looked at, tenant-unknown for a name that is not there; a subject's own
 * failure is in the report instead.
 */
export async function backupAll(
  parts: Parts,
  request: BackupRequest & { names: readonly string[] },
  context: JobContext,
): Promise<NightReport> {
  // Whoever types it wants to know soon that there is no server.
  const patient = request.kind === 'scheduled'
  const twice = secondTries(parts, context, patient ? parts.config.dump.serverWaitMs : 0)
  const seeing = () => look(parts, context.signal)
  const discovery = await (patient ? twice(seeing) : seeing())
  tellDiscovery(parts, discovery, context)
  const subjects = chooseSubjects(discovery.subjects, request.names)
  context.watch?.planned?.(subjects.map(subject => subject.id))
  const report: NightReport = {
    succeeded: [],
    failed: [],
    problems: request.names.length === 0 ? discovery.problems : [],
  }
  const { concurrency, connections } = parts.config.dump
  const queue = new PQueue({
    concurrency: Math.max(1, Math.min(concurrency, Math.floor(connections / CONNECTIONS_A_DUMP))),
  })
  try {
    await queue.addAll(
      subjects.map(
        subject => () => backupOne({ parts, discovery, request, context, twice, report }, subject),
      ),
    )
  } finally {
    // One that throws could not tell the journal how it went; the run is not over while others still dump.
    await queue.onIdle()
  }
  context.signal.throwIfAborted()
  return report
}

interface Night {
  parts: Parts
  discovery: Discovery
  request: BackupRequest
  context: JobContext
  twice: SecondTry
  report: NightReport
}

async function backupOne(night: Night, subject: Subject): Promise<void> {
  const { parts, discovery, request, context, twice, report } = night
  if (context.signal.aborted) return
  context.emit({ type: 'backup-started', subject: subject.id, facts: { kind: request.kind } })
  try {
    const manifest = await twice(() =>
      subject.kind === 'globals'
        ? backupGlobals(parts, discovery.server, request, context)
        : backupTenant(parts, subject, request, context),
    )
    report.succeeded.push(manifest)
    context.emit({ type: 'backup-committed', subject: subject.id, facts: backupFacts(manifest) })
    context.watch?.backedUp?.(manifest)
  } catch (thrown) {
    const failure = asFailure(thrown)
    report.failed.push({ subject: subject.id, failure })
    context.emit({ type: 'backup-failed', subject: subject.id, facts: { error: errorFacts(failure) } })
    context.watch?.failed?.(subject.id, failure)
  }
}

/** @throws Failure tenant-unknown for a name that is not there. */
export function chooseSubjects(subjects: Subject[], names: readonly string[]): Subject[] {
  if (names.length === 0) return subjects
  return [...new Set(names.map(subjectNamed))].map(id => {
    const subject = subjects.find(one => one.id === id)
    if (!subject) throw new Failure('tenant-unknown', `there is no tenant ${subjectName(id)} on the server`)
    return subject
  })
}

function tellDiscovery(parts: Parts, discovery: Discovery, context: JobContext): void {
  for (const { database, reason } of discovery.skipped) {
    context.emit({ type: 'subject-skipped', facts: { database, reason } })
  }
  for (const { kind, database, ...more } of allDrift(parts, discovery)) {
    context.emit({ type: 'drift', facts: { kind, database, ...more } })
  }
  for (const problem of discovery.problems)
    context.emit({ type: 'discovery-problem', facts: { error: errorFacts(problem) } })
}
