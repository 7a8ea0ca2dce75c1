// Starting, resuming and approving a playbook, for whoever asks: the command line or the API.
import { Failure } from '../domain/errors.js'
import type { Playbook } from '../domain/playbook.js'
import { readPlaybooks } from '../restore/playbook-files.js'
import type { Parts } from './parts.js'
import type { PlaybookRun, PlaybookRuns } from './playbook-runs.js'
import type { RunJob } from './playbook-steps.js'
import { approve, approvedFirst, continuePlaybook, preparePlaybook, valuesOf } from './run-playbook.js'

/** The job that holds the steps together. */
export const PLAYBOOK_JOB = 'playbook'

/** Every playbook, by name. @throws Failure playbook-invalid. */
export const allPlaybooks = (folder: string): Playbook[] => readPlaybooks(folder)

/** @throws Failure playbook-unknown, playbook-invalid. */
export function playbookNamed(folder: string, name: string): Playbook {
  const all = readPlaybooks(folder)
  const found = all.find(one => one.name === name)
  if (found) return found
  throw new Failure('playbook-unknown', `there is no playbook ${name}`, {
    hint: `there are: ${all.map(one => one.name).join(', ')}`,
  })
}

/** Who asks, and whether what replaces live data takes a second person's word. */
export interface Asker {
  who: string
  secondPerson: boolean
}

/** @throws Failure usage for wrong parameters; what continuePlaybook throws. */
export function startPlaybook(
  parts: Parts,
  runs: PlaybookRuns,
  playbook: Playbook,
  given: Readonly<Record<string, string>>,
  runJob: RunJob,
  { who, secondPerson }: Asker = { who: '', secondPerson: false },
): Promise<PlaybookRun> {
  const prepared = preparePlaybook(playbook, given)
  const steps = secondPerson ? approvedFirst(prepared) : prepared
  return asRun(playbook.name, runJob, context => {
    const run: PlaybookRun = {
      id: context.run,
      playbook: playbook.name,
      title: playbook.title,
      parameters: valuesOf(playbook, given),
      startedAt: parts.clock.now().toISOString(),
      startedBy: who || null,
      state: 'running',
      steps,
    }
    runs.save(run)
    return continuePlaybook(parts, runs, run, context, runJob)
  })
}

/**
 * Goes on with one that stopped; `approver` is given where it is an approval.
 * @throws Failure run-unknown; usage when it is over, or was not waiting for an approval; approval-missing when it takes
 * somebody else's; subject-busy while it runs.
 */
export function resumePlaybook(
  parts: Parts,
  runs: PlaybookRuns,
  id: string,
  approver: Asker | null,
  runJob: RunJob,
): Promise<PlaybookRun> {
  const { playbook } = runs.find(id)
  return asRun(playbook, runJob, context => {
    // Read under the lock: another process may have gone on with it meanwhile.
    const run = runs.find(id)
    if (run.state === 'succeeded') throw new Failure('usage', `${run.id} is done`)
    if (approver !== null) approve(run, approver, parts.clock.now())
    return continuePlaybook(parts, runs, run, context, runJob)
  })
}

function asRun(
  playbook: string,
  runJob: RunJob,
  work: (context: Parameters<Parameters<RunJob>[1]>[0]) => Promise<PlaybookRun>,
): Promise<PlaybookRun> {
  return runJob({ name: PLAYBOOK_JOB, lock: `playbook ${playbook}` }, async context => {
    const result = await work(context)
    const facts = { playbook, id: result.id, state: result.state }
    return { outcome: result.state === 'succeeded' ? 'succeeded' : 'partial', facts, result }
  })
}
