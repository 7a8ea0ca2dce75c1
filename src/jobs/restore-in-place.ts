// A restore in place: what is there is copied, the backup is loaded beside it and proven, and only then do the two change
// places. What was there stays, under another name, until the sweep's day; `restore undo` brings it back.
import { asFailure, Failure } from '../domain/errors.js'
import type { Manifest } from '../domain/manifest.js'
import { keptName } from '../domain/restore-names.js'
import { MASTER, masterSubject, type SubjectId, subjectName, tenantSubject } from '../domain/subject.js'
import { withSession } from '../postgres/connection.js'
import { databaseOid } from '../postgres/databases.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { restoreLeaseKey } from '../store/keys.js'
import { backupFacts } from './backup-report.js'
import { backupTenant, type DatabaseSubject } from './backup-tenant.js'
import type { InPlaceReport, InPlaceRequest } from './in-place-report.js'
import { errorFacts } from './journal-rows.js'
import { dropStaging, loadProven } from './load-proven.js'
import type { JobContext, Parts } from './parts.js'
import { planRestore } from './plan-restore.js'
import { endOfRestore } from './restore-beside.js'
import type { RestorePlan } from './restore-plan.js'
import type { JobEnd } from './runner.js'
import { withSubjectLease } from './subject-lease.js'
import { swapIn } from './swap-in.js'
import { takeSound } from './take-sound.js'
import { type Begin, tellRestore } from './tell-restore.js'

/**
 * Puts a tenant's database back to a backup, under its own name. When this rejects, the tenant has what it had before.
 * @throws Failure of the preflight, the safety copy, the load or the proof: nothing was changed; swap-blocked or postgres-* of
 * the swap; subject-busy while another restore of this tenant runs.
 */
export function restoreInPlace(
  parts: Parts,
  request: InPlaceRequest,
  outer: JobContext,
): Promise<InPlaceReport> {
  const { subject } = request
  const restoreThere = (context: JobContext) =>
    tellRestore(parts, context, subjectName(subject), begin => restore(parts, request, context, begin))
  return withSubjectLease(parts, subject, outer, restoreThere, { key: restoreLeaseKey(subject) })
}

/** How the run ends. Partial: the data is as asked, but PgBouncer did not do as it was told. */
export function endOfInPlace(report: InPlaceReport, { withoutSafetyCopy }: InPlaceRequest): JobEnd {
  const { outcome, facts } = endOfRestore(report)
  const { database, kept, downtimeMs, safetyCopy } = report
  return {
    outcome: report.poolerProblem ? 'partial' : outcome,
    facts: {
      ...facts,
      database,
      kept,
      downtimeMs,
      safetyCopy: safetyCopy?.backup ?? null,
      withoutSafetyCopy,
    },
  }
}

async function restore(
  parts: Parts,
  request: InPlaceRequest,
  context: JobContext,
  begin: Begin,
): Promise<InPlaceReport> {
  const { plan } = await planRestore(parts, { ...request, database: null }, context)
  refuseProblems(plan)
  const database = plan.database
  begin(plan.backup, database)
  const liveOid = await oidOf(parts, database, context)
  const safetyCopy = await copyOfNow(parts, request, plan, context)
  // Whatever is backed up meanwhile, the safety copy first of all, is not what was asked for.
  const until = new Date(plan.backup.instant)
  const loaded = await takeSound(context, async without => {
    const { plan: now, chosen } = await planRestore(parts, { ...request, database: null }, context, {
      until,
      without,
    })
    refuseProblems(now)
    begin(chosen.manifest, database)
    const load = { ...chosen, missingRoles: now.missingRoles, database }
    const { postgres } = parts.config
    const done = await withSession(
      postgres,
      maintenanceDatabase(postgres),
      { signal: context.signal },
      session => loadProven(parts, session, load, context),
    )
    return {
      ...done,
      manifest: chosen.manifest,
      passedOver: chosen.passedOver,
    }
  })
  const { staging, manifest, passedOver, proof, seconds } = loaded
  // A first attempt may have made them already.
  const createdRoles = plan.missingRoles
  const kept = liveOid === null ? null : keptName(database, context.run)
  const names = { live: database, incoming: staging, kept }
  try {
    const swapped = await swapIn(parts, request.subject, names, liveOid, context)
    return { ...swapped, manifest, safetyCopy, createdRoles, passedOver, proof, loadSeconds: seconds }
  } catch (thrown) {
    await dropStaging(parts.config.postgres, staging)
    throw thrown
  }
}

const oidOf = ({ config: { postgres } }: Parts, database: string, { signal }: JobContext) =>
  withSession(postgres, maintenanceDatabase(postgres), { signal }, session => databaseOid(session, database))

function refuseProblems({ problems: [first] }: RestorePlan): void {
  if (first) throw new Failure(first.code, first.message, { hint: first.hint })
}

/** What is there now, through the ordinary backup. Without one nothing is swapped, unless the operator said why. */
async function copyOfNow(
  parts: Parts,
  { subject, withoutSafetyCopy }: InPlaceRequest,
  { live }: RestorePlan,
  context: JobContext,
): Promise<Manifest | null> {
  if (live === null || withoutSafetyCopy !== null) return null
  const request = { kind: 'before-restore', label: `before the restore of run ${context.run}` } as const
  context.emit({ type: 'backup-started', facts: { kind: request.kind } })
  try {
    const manifest = await backupTenant(parts, databaseSubject(subject, live.database), request, context)
    context.emit({ type: 'backup-committed', facts: backupFacts(manifest) })
    return manifest
  } catch (thrown) {
    const failure = asFailure(thrown)
    context.emit({ type: 'backup-failed', facts: { error: errorFacts(failure) } })
    throw new Failure(
      failure.code,
      `no safety copy could be made, so nothing was changed: ${failure.message}`,
      {
        cause: thrown,
        hint: `${failure.hint}; or restore with --without-safety-copy --why <reason>`,
      },
    )
  }
}

const databaseSubject = (subject: SubjectId, database: string): DatabaseSubject =>
  (subject === MASTER
    ? masterSubject(database)
    : tenantSubject(subjectName(subject), database)) as DatabaseSubject
