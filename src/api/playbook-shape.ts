// Playbooks and their executions as the API shows them.
import { z } from 'zod'
import type { Playbook } from '../domain/playbook.js'
import type { PlaybookRun } from '../jobs/playbook-runs.js'

export const playbookShape = z.strictObject({
  name: z.string(),
  title: z.string(),
  parameters: z.array(z.string()),
  steps: z.array(z.string()).describe('Empty: for a person to follow'),
  body: z.string().describe('Markdown'),
})

export const playbookView = ({
  name,
  title,
  parameters,
  steps,
  body,
}: Playbook): z.output<typeof playbookShape> => ({
  name,
  title,
  parameters: Object.keys(parameters),
  steps: steps.map(step => step.name),
  body,
})

export const playbookRunShape = z.strictObject({
  id: z.string(),
  playbook: z.string(),
  startedAt: z.string(),
  state: z.enum(['running', 'waiting', 'failed', 'succeeded']),
  steps: z.array(
    z.strictObject({
      name: z.string(),
      do: z.string(),
      state: z.enum(['pending', 'running', 'waiting', 'done', 'failed']),
      run: z.string().nullable(),
      said: z.string(),
    }),
  ),
})

export const playbookRunView = (run: PlaybookRun): z.output<typeof playbookRunShape> => ({
  id: run.id,
  playbook: run.playbook,
  startedAt: run.startedAt,
  state: run.state,
  steps: run.steps.map(({ step, state, run: done, said }) => ({
    name: step.name,
    do: step.do,
    state,
    run: done,
    said,
  })),
})
