// A restore as the API does it: planned and shown first, then started from that plan only while what it said is still true.
import { Failure } from '../domain/errors.js'
import type { RunId } from '../domain/ids.js'
import { subjectName } from '../domain/subject.js'
import { listManifests } from '../repository/manifests.js'
import type { JobContext, Parts } from './parts.js'
import { planRestore } from './plan-restore.js'
import { endOfRestore, restoreBeside } from './restore-beside.js'
import type { PlanRequest, RestorePlan } from './restore-plan.js'
import type { RestorePlans, StoredPlan } from './restore-plans.js'
import type { JobEnd, Runner, RunResult } from './runner.js'

export interface AskedRestore extends PlanRequest {
  database: string
}

/** Who starts it, and what they said. */
export interface Starter {
  who: string
  reason: string
}

/** Plans and keeps the plan. Nothing is changed. @throws Failure as planRestore. */
export async function makePlan(
  parts: Parts,
  plans: RestorePlans,
  request: AskedRestore,
  { who, validMs, signal }: { who: string; validMs: number; signal: AbortSignal },
): Promise<StoredPlan> {
  const { plan } = await planRestore(parts, request, { signal })
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
 * @throws Failure plan-used; plan-stale when the newest backup, the tenant or what stands in the way changed since;
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
  const asked = stored.request as unknown as AskedRestore
  const signal = AbortSignal.timeout(PLANNING_MS)
  const { plan } = await planRestore(parts, asked, { signal })
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
    const { facts, ...end } = await carryOut(parts, { ...asked, backup: plan.backup.backup }, watch(context))
    return { ...end, facts: { ...facts, plan: id, ...starter } }
  })
}

const PLANNING_MS = 120_000

async function carryOut(parts: Parts, asked: AskedRestore, context: JobContext): Promise<JobEnd> {
  return endOfRestore(await restoreBeside(parts, asked, context))
}

/** What must not have changed when the plan is started: not sizes or ages, which always do. */
async function basisOf({ repository }: Parts, plan: RestorePlan, signal: AbortSignal): Promise<string> {
  const [newest] = await listManifests(repository.store, plan.subject, { signal })
  return JSON.stringify([
    newest ?? null,
    plan.backup.backup,
    plan.inPlace,
    plan.database,
    plan.live && [plan.live.database, plan.live.changes],
    plan.missingRoles,
    plan.versions,
    plan.problems.map(one => one.code),
  ])
}
