// What a playbook did, as a page for whoever asks in the morning. It is written anew after each step, whole or not at all.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PlaybookRun, StepState } from './playbook-runs.js'

export const reportFile = (stateDirectory: string, run: PlaybookRun): string =>
  join(stateDirectory, 'reports', `${run.startedAt.slice(0, 10)}-${run.playbook}-${run.id}.md`)

export function writeReport(stateDirectory: string, run: PlaybookRun): void {
  const file = reportFile(stateDirectory, run)
  mkdirSync(join(stateDirectory, 'reports'), { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.new`, reportText(run), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

const SIGNS: Record<StepState['state'], string> = {
  pending: 'not yet',
  running: 'RUNNING',
  waiting: 'WAITING FOR APPROVAL',
  done: 'done',
  failed: 'FAILED',
}

export function reportText(run: PlaybookRun): string {
  const parameters = Object.entries(run.parameters).map(([name, value]) => `- ${name}: ${value}`)
  return [
    `# ${run.title}`,
    '',
    `Playbook ${run.playbook}, run ${run.id}, started ${run.startedAt}${run.startedBy ? ` by ${run.startedBy}` : ''}: **${run.state}**`,
    ...(parameters.length > 0 ? ['', ...parameters] : []),
    ...run.steps.flatMap((one, at) => ['', ...stepLines(one, at + 1)]),
    '',
    ...nextLines(run),
    '',
  ].join('\n')
}

function stepLines(one: StepState, number: number): string[] {
  const { step, state, startedAt, endedAt, said, error, run } = one
  const times = [startedAt && `from ${startedAt}`, endedAt && `to ${endedAt}`, run && `run ${run}`].filter(
    Boolean,
  )
  return [
    `## ${number}. ${step.name}: ${SIGNS[state]}`,
    ...(times.length > 0 ? ['', times.join(', ')] : []),
    ...(said ? ['', said] : []),
    ...(step.do === 'wait-for-approval' && state === 'waiting' ? ['', step.question] : []),
    ...(error
      ? [
          '',
          `${error.code}: ${error.message}`,
          ...error.causes.slice(1).map(cause => `- because: ${cause}`),
          '',
          `hint: ${error.hint}`,
        ]
      : []),
  ]
}

function nextLines({ state, id }: PlaybookRun): string[] {
  if (state === 'waiting') return [`To go on, someone types: gmah-backup playbook approve ${id}`]
  if (state === 'succeeded') return []
  return [`To go on from the step that is not done: gmah-backup playbook resume ${id}`]
}
