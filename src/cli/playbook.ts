// `playbook list|show|run|resume|approve`: the ways out of disasters, read or executed.
import { userInfo } from 'node:os'
import { type Command, InvalidArgumentError } from 'commander'
import { EXIT } from '../domain/errors.js'
import type { Playbook } from '../domain/playbook.js'
import type { Run } from '../jobs/journal-rows.js'
import type { PlaybookRun } from '../jobs/playbook-runs.js'
import type { RunJob } from '../jobs/playbook-steps.js'
import { confirmTenants } from './confirm.js'
import { act, type Desk, type Doors, type GlobalOptions } from './desk.js'
import { instantText, show, type Terminal } from './output.js'
import { table } from './table.js'

const SHOWN = 20
const loadPlaybooks = () => import('../jobs/playbook-desk.js')

export function playbookCommand(program: Command, doors: Doors): void {
  const playbook = program
    .command('playbook')
    .description('ways out of disasters, for a person or step by step by itself')
  const command = (name: string, about: string, work: Work) =>
    playbook
      .command(name)
      .description(about)
      .action((...args: unknown[]) =>
        act<RunOptions>(doors, args.at(-1) as Command, ({ desk, terminal, options }) =>
          work(desk, terminal, String(args[0]), options),
        ),
      )
  command('list', 'what there is, and what was run lately', listThem)
  command('show', 'read one', showOne).argument('<name>', 'a playbook')
  command('run', 'execute one', runOne)
    .argument('<name>', 'a playbook')
    .option('--set <name=value>', 'a parameter; again for each', collect, {})
    .option('--yes-restore <tenant>', 'confirm what is restored in place; again for each', gather, [])
  command('resume', 'go on with one that stopped', (desk, terminal, id) =>
    goOn(desk, terminal, id, null),
  ).argument('<id>', 'its id')
  command('approve', 'allow one that waits to go on, and go on', (desk, terminal, id) =>
    goOn(desk, terminal, id, userInfo().username),
  ).argument('<id>', 'its id')
}

interface RunOptions extends GlobalOptions {
  set: Record<string, string>
  yesRestore: string[]
}
type Work = (
  desk: Desk,
  terminal: Terminal,
  argument: string,
  options: RunOptions,
) => Promise<number | undefined>

const listThem: Work = async (desk, terminal) => {
  const { allPlaybooks } = await loadPlaybooks()
  const playbooks = allPlaybooks(desk.playbooksFolder())
  const runs = desk.playbookRuns.list(SHOWN)
  const described = playbooks.map(({ name, title, parameters, steps }) => ({
    name,
    title,
    parameters,
    steps: steps.length,
  }))
  show(terminal, { playbooks: described, runs }, () =>
    [
      table(['playbook', 'what for', 'parameters'], playbooks.map(listed)),
      ...(runs.length > 0
        ? ['', table(['id', 'playbook', 'started', 'state', 'at'], runs.map(ranText))]
        : []),
    ].join('\n'),
  )
  return undefined
}

const listed = ({ name, title, parameters, steps }: Playbook): string[] => [
  name,
  title,
  steps.length === 0 ? 'for a person to follow' : Object.keys(parameters).join(', '),
]

function ranText({ id, playbook, startedAt, state, steps }: PlaybookRun): string[] {
  const at = steps.find(one => one.state !== 'done')
  return [id, playbook, instantText(startedAt), state, at?.step.name ?? '']
}

const showOne: Work = async (desk, terminal, name) => {
  const { playbookNamed } = await loadPlaybooks()
  const playbook = playbookNamed(desk.playbooksFolder(), name)
  show(terminal, playbook, () => playbook.body)
  return undefined
}

const runOne: Work = async (desk, terminal, name, { set, yesRestore }) => {
  const { playbookNamed, startPlaybook } = await loadPlaybooks()
  const { replacedTenants } = await import('../jobs/planned-playbook.js')
  const playbook = playbookNamed(desk.playbooksFolder(), name)
  const confirm = replacedTenants(playbook, set)
  await confirmTenants(terminal, confirm, yesRestore)
  const runJob = await asOne(desk, `/v1/playbooks/${encodeURIComponent(name)}/runs`, { set, confirm })
  return told(desk, terminal, await startPlaybook(desk, desk.playbookRuns, playbook, set, runJob))
}

async function goOn(desk: Desk, terminal: Terminal, id: string, who: string | null): Promise<number> {
  const { playbookRuns } = desk
  const verb = who === null ? 'resume' : 'approve'
  const { resumePlaybook } = await loadPlaybooks()
  const runJob = await asOne(desk, `/v1/playbook-runs/${playbookRuns.find(id).id}/${verb}`, {})
  const approver = who === null ? null : { who, secondPerson: false }
  return told(desk, terminal, await resumePlaybook(desk, playbookRuns, id, approver, runJob))
}

/** Where a daemon runs it executes the playbook as a whole; here each step is a run of this process. */
async function asOne(desk: Desk, path: string, body: object): Promise<RunJob> {
  const { PLAYBOOK_JOB } = await loadPlaybooks()
  return (job, work) => {
    if (job.name !== PLAYBOOK_JOB) return desk.run(job, work)
    // A run that failed has no facts: what it failed of is told instead.
    const result = ({ error, facts }: Run) => (error ? null : desk.playbookRuns.find(String(facts.id)))
    return desk.run(job, work, { path, body, result: result as never })
  }
}

async function told(desk: Desk, terminal: Terminal, run: PlaybookRun): Promise<number> {
  const { reportFile, reportText } = await import('../jobs/playbook-report.js')
  const report = reportFile(desk.config.stateDirectory, run)
  show(terminal, { ...run, report }, () => `${reportText(run)}\nthis report: ${report}`)
  return run.state === 'succeeded' ? EXIT.ok : EXIT.partial
}

const gather = (name: string, before: string[]): string[] => [...before, name]

function collect(text: string, before: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Give name=value.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}
