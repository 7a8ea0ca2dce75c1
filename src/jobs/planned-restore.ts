// A restore as the API does it: planned and shown first, then started from that plan only while what it said is still true.
import type { ApiConfig } from '../domain/configuration.js'
import { Failure } from '../domain/errors.js'
import type { RunId } from '../domain/ids.js'
import { subjectName } from '../domain/subject.js'
import { withSession } from '../postgres/connection.js'
import { databaseOid } from '../postgres/databases.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { listManifests } from '../repository/manifests.js'
import { assertConfirmed } from './confirmed.js'
import { RESTORE, RESTORE_ARCHIVE, RESTORE_IN_PLACE, RESTORE_INTO_SCHEMA } from './errands-restore.js'
import type { JobContext, Parts } from './parts.js'
import { planArchive, planRestore } from './plan-restore.js'
import type { PlanRequest, RestorePlan } from './restore-plan.js'
import type { RestorePlans, StoredPlan } from './restore-plans.js'
import type { JobEnd, Runner, RunResult } from './runner.js'

export interface AskedRestore extends PlanRequest {
  /** Out of this monthly archive: `latest` or a name like 2026-12; null: out of a backup. */
  archive?: string | null | undefined
  /** In place: why no safety copy of what is there now is made first; null: one is made. */
  withoutSafetyCopy: string | null
}

/** Who starts it, and what they said. */
export interface Starter {
  who: string
  reason: string
  /** In place: the tenant's name, typed out. */
  confirm: string | null
}

/** Plans and keeps the plan. Nothing is changed. @throws Failure usage for what does not go together; as planRestore. */
export async function makePlan(
  parts: Parts,
  plans: RestorePlans,
  request: AskedRestore,
  { who, validMs, signal }: { who: string; validMs: number; signal: AbortSignal },
): Promise<StoredPlan> {
  assertTogether(request)
  const plan = await planOf(parts, request, signal)
  const basis = await basisOf(parts, plan, signal)
  return plans.make({
    subject: request.subject,
    request: { ...request },
    basis,
    plan: { ...plan },
    who,
    validMs,
  })
}

/**
 * Starts what was planned, on the very backup that the plan names.
 * @throws Failure plan-used; confirmation-missing, approval-missing in place; plan-stale when the newest backup, the tenant or what stands in the way changed since;
 * the first of what stands in the way.
 */
export async function startPlanned(
  parts: Parts,
  plans: RestorePlans,
  id: string,
  {
    runner,
    starter,
    watch,
  }: { runner: Runner; starter: Starter; watch: (context: JobContext) => JobContext },
): Promise<RunResult> {
  const stored = plans.usable(id)
  if (stored.plan.inPlace) assertMeant(stored, starter, parts.config.api.approval)
  const asked = stored.request as unknown as AskedRestore
  const signal = AbortSignal.timeout(PLANNING_MS)
  const plan = await planOf(parts, asked, signal)
  if ((await basisOf(parts, plan, signal)) !== stored.basis)
    throw new Failure(
      'plan-stale',
      `${subjectName(stored.subject)} or its backups changed since the plan ${id}`,
    )
  const [problem] = plan.problems
  if (problem) throw new Failure(problem.code, problem.message, { hint: problem.hint })
  const job = { name: 'restore', subject: stored.subject, trigger: 'api' } as const
  return runner.run(job, async context => {
    plans.use(id, context.run as RunId)
    const { backup, archive } = plan
    const meant = { ...asked, backup: backup.backup, archive }
    const { facts, ...end } = await carryOut(parts, meant, starter, watch(context))
    return {
      ...end,
      facts: { ...facts, plan: id, reason: starter.reason, who: starter.who, approvedBy: stored.approvedBy },
    }
  })
}

const PLANNING_MS = 120_000

/** Of a backup, or of a monthly archive. @throws Failure as planRestore. */
export const planOf = async (
  parts: Parts,
  asked: PlanRequest & Pick<AskedRestore, 'archive'>,
  signal: AbortSignal,
): Promise<RestorePlan> =>
  typeof asked.archive === 'string'
    ? planArchive(parts, { ...asked, archive: asked.archive }, { signal })
    : (await planRestore(parts, asked, { signal })).plan

/** @throws Failure usage */
function assertTogether({ database, tables, intoSchema = null, archive = null, backup }: AskedRestore): void {
  const wrong = (what: string, hint: string) => new Failure('usage', what, { hint })
  if (intoSchema !== null && (database !== null || !tables))
    throw wrong('intoSchema goes with tables, and with database null', 'name the tables, and no database')
  if (tables && database === null && intoSchema === null)
    throw wrong('tables are not restored in place', 'name a new database, or a new schema as intoSchema')
  if (archive !== null && (database === null || tables || backup !== 'latest'))
    throw wrong('an archive is restored whole, beside', 'name a new database; leave out tables and backup')
}

/** By the errand that the command line sends for the same. */
async function carryOut(
  parts: Parts,
  { subject, backup, database, withRoles, ...asked }: AskedRestore,
  { confirm }: Starter,
  context: JobContext,
): Promise<JobEnd> {
  const { intoSchema, tables, archive, withoutSafetyCopy } = asked
  const about = { subject, withRoles }
  const some = tables && { tables: [...tables] }
  if (typeof archive === 'string' && database !== null) {
    const done = await ended(RESTORE_ARCHIVE.perform(parts, { ...about, archive, database }, context))
    return { ...done, facts: { ...done.facts, archive } }
  }
  const which = { ...about, backup }
  if (typeof intoSchema === 'string' && some)
    return ended(RESTORE_INTO_SCHEMA.perform(parts, { ...which, ...some, intoSchema }, context))
  if (database !== null) return ended(RESTORE.perform(parts, { ...which, ...some, database }, context))
  const meant = { ...which, withoutSafetyCopy, confirm: confirm ?? '' }
  return ended(RESTORE_IN_PLACE.perform(parts, meant, context))
}

async function ended(done: Promise<JobEnd & { told: unknown }>): Promise<JobEnd> {
  const { told: report, ...end } = await done
  return { ...end, report }
}

/** What replaces live data is typed out and, where the configuration asks for it, approved by somebody else. */
function assertMeant(plan: StoredPlan, { who, confirm }: Starter, approval: ApiConfig['approval']): void {
  const name = subjectName(plan.subject)
  assertConfirmed(name, confirm)
  if (approval === 'none' || (plan.approvedBy !== null && plan.approvedBy !== who)) return
  const why = plan.approvedBy === null ? 'nobody approved' : `${who} cannot also approve`
  throw new Failure('approval-missing', `${why} the restore in place of ${name}`, {
    hint: `a second person approves it with a token of their own: POST /v1/restores/plans/${plan.id}/approvals; then send this again`,
  })
}

/** What must not have changed when the plan is started: not sizes or ages, which always do. */
async function basisOf(
  { repository, config }: Parts,
  plan: RestorePlan,
  signal: AbortSignal,
): Promise<string> {
  const [newest] = await listManifests(repository.store, plan.subject, { signal })
  const { postgres } = config
  // A database of the same name may be another one by now.
  const oid = await withSession(postgres, maintenanceDatabase(postgres), { signal }, session =>
    databaseOid(session, plan.live?.database ?? plan.database),
  )
  return JSON.stringify([
    plan.archive ?? newest ?? null,
    oid,
    plan.backup.backup,
    plan.inPlace,
    plan.database,
    plan.intoSchema,
    plan.part?.tables ?? null,
    plan.live && [plan.live.database, plan.live.changes],
    plan.missingRoles,
    plan.versions,
    plan.problems.map(one => one.code),
  ])
}
