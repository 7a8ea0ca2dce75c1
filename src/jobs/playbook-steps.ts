// What each kind of step does: it calls the job that does it everywhere else, and says in a line what came of it.
import { Failure } from '../domain/errors.js'
import type { PlaybookStep } from '../domain/playbook.js'
import { subjectName, subjectNamed } from '../domain/subject.js'
import { type Backend, backendOf, endBackend } from '../postgres/backend.js'
import { withSession } from '../postgres/connection.js'
import { backupAll } from './backup-all.js'
import { rotateKeys } from './keys.js'
import type { JobContext, Parts } from './parts.js'
import { planRestore } from './plan-restore.js'
import { rebuildCatalogue } from './rebuild-catalogue.js'
import { recoverPlatform } from './recover-platform.js'
import { endOfRestore, restoreBeside } from './restore-beside.js'
import { restoreInPlace } from './restore-in-place.js'
import type { JobEnd, JobRequest } from './runner.js'

/** Runs a job with its journal entry and its lock. @throws what the work threw. */
export type RunJob = <T>(
  job: Omit<JobRequest, 'trigger'>,
  work: (context: JobContext) => Promise<JobEnd & { result: T }>,
) => Promise<T>

export type WorkStep = Exclude<PlaybookStep, { do: 'wait-for-approval' }>

/** The job under whose name and lock a step runs. */
export function jobOf(step: WorkStep): Omit<JobRequest, 'trigger'> {
  const deadlineMs = step.timeout
  switch (step.do) {
    case 'restore-beside':
    case 'restore-in-place':
      return { name: 'restore', subject: subjectNamed(step.tenant), deadlineMs }
    case 'rebuild-catalogue':
      return { name: 'catalogue-rebuild', deadlineMs }
    case 'rotate-keys':
      return { name: 'keys-rotate', deadlineMs }
    case 'backup':
      return {
        name: step.tenant === undefined ? 'backup-all' : 'backup',
        lock: `backup ${step.tenant ?? ''}`,
        deadlineMs,
      }
    default:
      return { name: `playbook-${step.do}`, deadlineMs }
  }
}

export interface StepDone {
  /** What came of it, in a line. */
  said: string
  /** Kept with the run that did it. */
  facts?: Record<string, unknown>
}

/**
 * Does one step.
 * @param runJob for what the step starts beside itself: each tenant of a recovery.
 * @throws Failure of the job; assertion-failed when the answer of SQL is not the expected one.
 */
export async function doStep(
  parts: Parts,
  step: WorkStep,
  context: JobContext,
  runJob: RunJob,
): Promise<StepDone> {
  switch (step.do) {
    case 'preflight':
      return preflight(parts, step, context)
    case 'backup':
      return backup(parts, step, context)
    case 'restore-beside':
      return restoreInto(parts, step, context)
    case 'restore-in-place':
      return replaceLive(parts, step, context)
    case 'recover':
      return recover(parts, step, context, runJob)
    case 'rebuild-catalogue': {
      const { backups, subjects, problems } = await rebuildCatalogue(parts, context)
      return { said: `${backups} backups of ${subjects} subjects; ${problems.length} objects cannot be used` }
    }
    case 'rotate-keys': {
      const { rewrapped, failed } = await rotateKeys(parts, { newIdentity: step.new_identity }, context)
      if (failed[0]) throw failed[0].failure
      return { said: `the keys of ${rewrapped.length} subjects are wrapped anew` }
    }
    case 'run-sql':
      return runSql(parts, step, context)
    case 'notify':
      context.emit({ type: 'playbook-notice', facts: { message: step.message } })
      return { said: step.message }
    default:
      return step satisfies never
  }
}

type Step<Kind extends WorkStep['do']> = Extract<WorkStep, { do: Kind }>

async function preflight(parts: Parts, step: Step<'preflight'>, context: JobContext): Promise<StepDone> {
  const request = {
    subject: subjectNamed(step.tenant),
    backup: step.backup,
    database: step.database ?? null,
    withRoles: true,
  }
  const { plan } = await planRestore(parts, request, context)
  const [first] = plan.problems
  if (first) throw new Failure(first.code, first.message, { hint: first.hint })
  const { backup: id, instant, rows, bytes } = plan.backup
  return { said: `backup ${id} as of ${instant}: ${rows} rows, ${bytes} bytes, into ${plan.database}` }
}

async function backup(parts: Parts, step: Step<'backup'>, context: JobContext): Promise<StepDone> {
  const names = step.tenant === undefined ? [] : [step.tenant]
  const { succeeded, failed, problems } = await backupAll(
    parts,
    { kind: 'manual', label: step.label ?? null, names },
    context,
  )
  const failure = failed[0]?.failure ?? problems[0]
  if (failure) throw failure
  return { said: succeeded.map(one => `${subjectName(one.subject)} is in backup ${one.backup}`).join('; ') }
}

async function restoreInto(
  parts: Parts,
  step: Step<'restore-beside'>,
  context: JobContext,
): Promise<StepDone> {
  const { database, backup: wanted, schema } = step
  const subject = subjectNamed(step.tenant)
  const names = (step.tables ?? '').split(',').map(name => name.trim())
  const tables = names.filter(Boolean).map(name => ({ schema, name }))
  const asked = { subject, backup: wanted, database, withRoles: true, ...(step.tables ? { tables } : {}) }
  const done = await restoreBeside(parts, asked, context)
  const { manifest, proof } = done
  const { facts = {} } = endOfRestore(done)
  const equal = `${proof.tables} tables and ${proof.rows} rows are equal`
  return { said: `${database} holds backup ${manifest.backup} as of ${manifest.instant}: ${equal}`, facts }
}

async function replaceLive(
  parts: Parts,
  step: Step<'restore-in-place'>,
  context: JobContext,
): Promise<StepDone> {
  const subject = subjectNamed(step.tenant)
  const request = { subject, backup: step.backup, withRoles: true, withoutSafetyCopy: null }
  const done = await restoreInPlace(parts, request, context)
  if (done.poolerProblem) {
    const { code, message, hint } = done.poolerProblem
    throw new Failure(code, `the data is back, but ${message}`, { hint })
  }
  const { manifest, database, kept, downtimeMs, proof } = done
  const { facts = {} } = endOfRestore(done)
  const down = downtimeMs === null ? '' : `, out of reach for ${Math.round(downtimeMs)} ms`
  const before = kept === null ? 'nothing was there before' : `what was there is ${kept}`
  const equal = `${proof.tables} tables and ${proof.rows} rows are equal`
  return {
    said: `${database} is as of ${manifest.instant} (backup ${manifest.backup}): ${equal}${down}; ${before}`,
    facts: { ...facts, database, kept, downtimeMs },
  }
}

async function recover(
  parts: Parts,
  step: Step<'recover'>,
  context: JobContext,
  runJob: RunJob,
): Promise<StepDone> {
  const request = { first: [], concurrency: step.concurrency }
  const report = await recoverPlatform(parts, request, context, asked =>
    runJob({ name: 'restore', subject: asked.subject, within: context.signal }, async own => {
      const result = await restoreBeside(parts, asked, own)
      return { ...endOfRestore(result), result }
    }),
  )
  const [first] = report.failed
  if (first) throw first.failure
  const { recovered, there, roles } = report
  return {
    said: `${recovered.length} databases are back, ${there.length} were there, ${roles.length} roles made`,
  }
}

async function runSql(parts: Parts, step: Step<'run-sql'>, context: JobContext): Promise<StepDone> {
  const rows = await answerOf(parts, step, context)
  const value = String(Object.values(rows[0] ?? {})[0] ?? '')
  if (step.expect !== undefined && value !== step.expect) {
    throw new Failure(
      'assertion-failed',
      `${step.name}: the answer is ${value || 'empty'}, not ${step.expect}`,
    )
  }
  return { said: step.expect === undefined ? `${rows.length} rows` : `the answer is ${value}` }
}

async function answerOf(
  { config: { postgres } }: Parts,
  { database, sql }: Step<'run-sql'>,
  { signal }: JobContext,
): Promise<Record<string, unknown>[]> {
  const at: { backend: Backend | null } = { backend: null }
  try {
    return await withSession(postgres, database, { signal }, async session => {
      at.backend = await backendOf(session)
      // Our own sessions look into no schema; whoever writes SQL for a person expects `public`.
      await session.query('SELECT pg_catalog.set_config($1, $2, false)', ['search_path', '"$user", public'])
      return session.query<Record<string, unknown>>(sql)
    })
  } catch (thrown) {
    const { backend } = at
    // The server would go on with the statement, and have it done after the run was told to be over.
    if (signal.aborted && backend)
      await withSession(postgres, database, {}, session => endBackend(session, backend)).catch(() => {})
    throw thrown
  }
}
