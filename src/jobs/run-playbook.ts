// Executes a playbook: step after step, each a run of its own, kept in the journal's file and in a report that a person can read.
// After a crash, a failure or a wait it goes on where it was.
import { asFailure, Failure, isStop } from '../domain/errors.js'
import { filledIn, type Playbook } from '../domain/playbook.js'
import { errorFacts } from './journal-rows.js'
import type { JobContext, Parts } from './parts.js'
import { writeReport } from './playbook-report.js'
import type { PlaybookRun, PlaybookRuns, StepState } from './playbook-runs.js'
import { doStep, jobOf, type RunJob, type WorkStep } from './playbook-steps.js'

/**
 * What will be done, before anything is.
 * @throws Failure usage for a parameter that is missing or not one of the playbook's, or a playbook that has no steps.
 */
export function preparePlaybook(playbook: Playbook, given: Readonly<Record<string, string>>): StepState[] {
  if (playbook.steps.length === 0) {
    throw new Failure('usage', `${playbook.name} is for a person to follow: the daemon has no part in it`, {
      hint: `type \`gmah-backup playbook show ${playbook.name}\` and follow it`,
    })
  }
  const parameters = valuesOf(playbook, given)
  return playbook.steps.map(step => ({
    step: filledIn(step, parameters),
    state: 'pending',
    run: null,
    startedAt: null,
    endedAt: null,
    said: '',
    error: null,
  }))
}

export function valuesOf(
  playbook: Playbook,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const known = Object.keys(playbook.parameters)
  const foreign = Object.keys(given).find(name => !known.includes(name))
  const hint = `its parameters: ${known.join(', ') || 'none'}; on the command line each is \`--set NAME=VALUE\``
  if (foreign) throw new Failure('usage', `${playbook.name} has no parameter ${foreign}`, { hint })
  const values = Object.entries(playbook.parameters).map(([name, { default: preset }]) => {
    const value = given[name] ?? preset
    if (value === undefined) throw new Failure('usage', `${playbook.name} needs ${name}`, { hint })
    return [name, value]
  })
  return Object.fromEntries(values)
}

/**
 * Goes on from the first step that is not done. Resolves when it ended, failed, or waits for someone: the state says which.
 * @throws Failure disk-full and the like when what happens cannot be written down; interrupted.
 */
export async function continuePlaybook(
  parts: Parts,
  runs: PlaybookRuns,
  run: PlaybookRun,
  context: JobContext,
  runJob: RunJob,
): Promise<PlaybookRun> {
  const keep = (): void => {
    runs.save(run)
    writeReport(parts.config.stateDirectory, run)
  }
  run.state = 'running'
  try {
    await doRest(parts, run, context, { keep, runJob, within: context.signal })
  } catch (thrown) {
    if (asFailure(thrown).code !== 'cancelled') throw thrown
    run.state = 'failed'
    keep()
    throw thrown
  }
  if (run.state === 'running') run.state = 'succeeded'
  keep()
  return run
}

async function doRest(parts: Parts, run: PlaybookRun, context: JobContext, keeping: Keeping): Promise<void> {
  for (const one of run.steps) {
    context.signal.throwIfAborted()
    if (one.state === 'done' || isOver(parts, one)) continue
    if (one.step.do === 'wait-for-approval') {
      one.state = 'waiting'
      run.state = 'waiting'
      context.emit({
        type: 'playbook-waiting',
        facts: { playbook: run.playbook, id: run.id, question: one.step.question },
      })
      return
    }
    await perform(parts, one, one.step, keeping)
    if (one.state === 'failed' && one.step.on_failure === 'stop') {
      run.state = 'failed'
      return
    }
  }
}

/** A step that was running when the process died, and whose run had come to its end. */
function isOver(parts: Parts, one: StepState): boolean {
  if (one.state !== 'running' || one.run === null) return false
  if (parts.journal.run(one.run)?.outcome !== 'succeeded') return false
  Object.assign(one, { state: 'done', said: one.said || 'done before the interruption' })
  return true
}

interface Keeping {
  keep(): void
  runJob: RunJob
  /** What ends the playbook ends the step that it is in. */
  within: AbortSignal
}

async function perform(
  parts: Parts,
  one: StepState,
  step: WorkStep,
  { keep, runJob, within }: Keeping,
): Promise<void> {
  const now = (): string => parts.clock.now().toISOString()
  Object.assign(one, { state: 'running', startedAt: now(), endedAt: null, error: null, run: null })
  keep()
  try {
    one.said = await runJob({ ...jobOf(step), within }, async own => {
      one.run = own.run
      keep()
      const { said, facts = {} } = await doStep(parts, step, own, runJob)
      return { outcome: 'succeeded', facts, result: said }
    })
    one.state = 'done'
  } catch (thrown) {
    const failure = asFailure(thrown)
    one.state = 'failed'
    one.error = errorFacts(failure)
    if (isStop(failure)) throw thrown
  } finally {
    one.endedAt = now()
    keep()
  }
}

/**
 * The same steps, with a wait for somebody's word before the first one that replaces live data, unless there is one already.
 */
export function approvedFirst(steps: readonly StepState[]): StepState[] {
  const at = steps.findIndex(({ step }) => step.do === 'restore-in-place')
  const replacing = steps[at]
  const asks = steps.slice(0, at).some(({ step }) => step.do === 'wait-for-approval')
  if (replacing?.step.do !== 'restore-in-place' || asks) return [...steps]
  const { name, timeout } = replacing.step
  const tenants = steps.flatMap(({ step }) => (step.do === 'restore-in-place' ? [step.tenant] : []))
  const question = `May ${[...new Set(tenants)].join(', ')} be restored in place? Somebody else than who started this says so.`
  const step = {
    do: 'wait-for-approval',
    name: `Approval of: ${name}`,
    timeout,
    on_failure: 'stop',
    question,
  } as const
  const wait: StepState = { ...replacing, step }
  return [...steps.slice(0, at), wait, ...steps.slice(at)]
}

/**
 * @throws Failure usage when it does not wait; approval-missing when a second person's word is wanted and this is the first.
 */
export function approve(
  run: PlaybookRun,
  { who, secondPerson }: { who: string; secondPerson: boolean },
  at: Date,
): void {
  const waiting = run.steps.find(one => one.state === 'waiting')
  if (!waiting) throw new Failure('usage', `${run.id} does not wait for anyone: it is ${run.state}`)
  if (secondPerson && (run.startedBy ?? who) === who)
    throw new Failure('approval-missing', `${who} started ${run.id} and cannot also approve it`, {
      hint: `a second person says so with a token of their own: POST /v1/playbook-runs/${run.id}/approve`,
    })
  Object.assign(waiting, { state: 'done', said: `approved by ${who}`, endedAt: at.toISOString() })
}
