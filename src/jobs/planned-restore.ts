// A restore as the API does it: planned and shown first, then started from that plan only while what it said is still true.
import type { ApiConfig } from '../domain/configuration.js'
import { Failure } from '../domain/errors.js'
import type { RunId } from '../domain/ids.js'
import { subjectName } from '../domain/subject.js'
import { withSession } from '../postgres/connection.js'
import { databaseOid } from '../postgres/databases.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { listManifests } from '../repository/manifests.js'
import type { JobContext, Parts } from './parts.js'
import { planArchive, planRestore } from './plan-restore.js'
import { restoreArchive } from './restore-archive.js'
import { endOfRestore, restoreBeside } from './restore-beside.js'
import { endOfInPlace, restoreInPlace } from './restore-in-place.js'
import { restoreIntoSchema } from './restore-into-schema.js'
import type { PlanRequest, RestorePlan } from './restore-plan.js'
import type { RestorePlans, StoredPlan } from './restore-plans.js'
import type { JobEnd, Runner, RunResult } from './runner.js'
import { undoRestore, undoTarget } from './undo-restore.js'

export interface AskedRestore extends PlanRequest {
  /** Out of this monthly archive: `latest` or a name like 2026-12; null: out of a backup. */
  archive?: string | null
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

interface Starting {
  runner: Runner
  starter: Starter
  /** Adds who watches. */
  watch(context: JobContext): JobContext
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
    const { facts, ...end } = await carryOut(parts, meant, watch(context))
    return {
      ...end,
      facts: { ...facts, plan: id, reason: starter.reason, who: starter.who, approvedBy: stored.approvedBy },
    }
  })
}

/** Takes a restore in place back. @throws Failure run-unknown; confirmation-missing; subject-busy. */
export async function startUndo(
  parts: Parts,
  undone: string,
  { runner, starter, watch }: Starting,
): Promise<RunResult> {
  const target = await undoTarget(parts, undone, AbortSignal.timeout(PLANNING_MS))
  const { subject } = target
  assertConfirmed(subjectName(subject), starter.confirm)
  const job = { name: 'restore-undo', subject, trigger: 'api', lock: `restore of ${subject}` } as const
  return runner.run(job, async context => {
    const { database, kept, poolerProblem } = await undoRestore(parts, target, watch(context))
    const { who, reason } = starter
    const facts = { undone: target.run, database, kept, who, reason }
    return { outcome: poolerProblem ? 'partial' : 'succeeded', facts }
  })
}

const PLANNING_MS = 120_000

const planOf = async (parts: Parts, asked: AskedRestore, signal: AbortSignal): Promise<RestorePlan> =>
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

async function carryOut(parts: Parts, asked: AskedRestore, context: JobContext): Promise<JobEnd> {
  const { database, intoSchema, tables, archive } = asked
  if (typeof archive === 'string' && database !== null) {
    const { facts, ...end } = endOfRestore(
      await restoreArchive(parts, { ...asked, archive, database }, context),
    )
    return { ...end, facts: { ...facts, archive } }
  }
  if (typeof intoSchema === 'string' && tables)
    return endOfRestore(await restoreIntoSchema(parts, { ...asked, intoSchema, tables }, context))
  if (database !== null) return endOfRestore(await restoreBeside(parts, { ...asked, database }, context))
  return endOfInPlace(await restoreInPlace(parts, asked, context), asked)
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

/** @throws Failure confirmation-missing unless the name was typed out. */
export function assertConfirmed(name: string, typed: string | null): void {
  if (typed === name) return
  throw new Failure('confirmation-missing', `this replaces the live database of ${name}`, {
    hint: "give the tenant's name, typed out, as `confirm`",
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
