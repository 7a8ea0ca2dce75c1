// Playbooks on a real platform: every command they quote is run, their steps are executed, and one that stopped goes on.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PlaybookRun } from '../../src/jobs/playbook-runs.js'
import { publishPlaybooks } from '../../src/jobs/publish-playbooks.js'
import { readPlaybooks } from '../../src/restore/playbook-files.js'
import { until } from '../kit/clock.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { contentHash } from '../kit/content-hash.js'
import { startCli, startDaemon } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'
import { seedPlatform } from '../kit/platform/seed.js'
import { follow, shellBlocks } from '../kit/playbooks.js'

const FOLDER = join(process.cwd(), 'restore-playbooks')
const LIVE = 'gmah_org_acme'
let cluster: Cluster
let here: Installation
let before: Record<string, string>

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme'], megabytesPerTenant: 0.3 })
  here = await install(cluster.target, { config: { playbooks_directory: 'playbooks' } })
  mkdirSync(join(here.folder, 'playbooks'))
  for (const { name } of readPlaybooks(FOLDER)) {
    writeFileSync(join(here.folder, 'playbooks', `${name}.md`), readFileSync(join(FOLDER, `${name}.md`)))
  }
  await here.night()
  before = await contentHash(cluster, LIVE)
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

/** They begin on another machine: every command of theirs is run in playbooks-machines.test.ts. */
const OTHER_MACHINES = ['vps-from-snapshot', 'whole-platform']
const quoted = readPlaybooks(FOLDER).filter(one => !OTHER_MACHINES.includes(one.name))

describe('every command that is quoted works as it stands', () => {
  it.each(quoted.map(one => [one.name, one] as const))('%s', async (_, { body }) => {
    expect(shellBlocks(body).length).toBeGreaterThan(0)
    const { host, port, user } = cluster.target
    const psql = { PGHOST: host, PGPORT: String(port), PGUSER: user }
    const { exitCode, said } = await follow(here, body, { ...psql, TENANT: 'acme' })
    expect([exitCode, said]).toEqual([0, expect.any(String)])
  })
})

describe('some-tables, to its end', () => {
  const body = quoted.find(one => one.name === 'some-tables')?.body ?? ''
  const invoices = async () => (await contentHash(cluster, LIVE)).invoices
  const lose = async (which: string) => {
    await cluster.sql(LIVE, `SET session_replication_role = replica; DELETE FROM invoices WHERE ${which}`)
    expect(await invoices()).not.toBe(before.invoices)
  }
  const run = (commands: string) => {
    const { host, port, user } = cluster.target
    const env = { PGHOST: host, PGPORT: String(port), PGUSER: user, TENANT: 'acme' }
    return follow(here, `\`\`\`sh\n${commands}\n\`\`\`\n`, env)
  }

  it('rows that are gone come back out of a schema of the live database', async () => {
    const blocks = shellBlocks(body).filter(block => block.includes('invoices_before'))
    await lose('id % 7 = 0')
    const { exitCode, said } = await run(blocks.join('').replaceAll('invoices_before', 'invoices_lost'))
    expect([exitCode, said]).toEqual([0, expect.any(String)])
    expect(await invoices()).toBe(before.invoices)
  })

  it('an emptied table comes back out of the copy beside', async () => {
    const copy = /^ {4}(pg_dump .*)$/m.exec(body)?.[1] ?? ''
    const command = copy.replace('tables_before', 'tables_again').replace('gmah_org_TENANT', LIVE)
    await lose('true')
    const { exitCode, said } = await run(
      `gmah-backup restore acme --tables invoices --as tables_again\n${command}`,
    )
    expect([exitCode, said]).toEqual([0, expect.any(String)])
    expect(await invoices()).toBe(before.invoices)
  })
})

async function playbook(
  ...args: string[]
): Promise<{ exitCode: number; run: PlaybookRun & { report: string } }> {
  const { exitCode, stdout } = await here.cli('--json', 'playbook', ...args)
  return { exitCode, run: JSON.parse(stdout) }
}

const states = (run: PlaybookRun) => run.steps.map(one => one.state)

function write(name: string, front: string): void {
  writeFileSync(join(here.folder, 'playbooks', `${name}.md`), `---\n${front}\n---\n# ${name}\n`)
}

it('a wrecked tenant is put back in place; the report says what was done', async () => {
  await cluster.sql(LIVE, 'DROP TABLE invoices CASCADE; TRUNCATE customers CASCADE')
  const { exitCode, run } = await playbook(
    'run',
    'tenant-in-place',
    '--set',
    'tenant=acme',
    '--yes-restore',
    'acme',
  )
  expect([exitCode, run.state, states(run)]).toEqual([0, 'succeeded', ['done', 'done', 'done']])
  expect(await contentHash(cluster, LIVE)).toEqual(before)
  const report = readFileSync(run.report, 'utf8')
  expect(report).toContain('# Put one tenant back as it was')
  expect(report).toMatch(/rows are equal, out of reach for \d+ ms; what was there is gmah_org_acme__before_/)
  const told = here.events('playbook-notice').at(-1)
  expect(told?.facts).toEqual({ message: 'acme was put back to backup latest' })
})

it('nothing is done to a live tenant whose name was not typed', async () => {
  const { exitCode, stdout } = await here.cli(
    '--json',
    'playbook',
    'run',
    'tenant-in-place',
    '--set',
    'tenant=acme',
  )
  expect([exitCode, JSON.parse(stdout).error.code]).toEqual([5, 'confirmation-missing'])
})

it('one that fails stops there, and goes on from that step when the cause is mended', async () => {
  write(
    'careful',
    `title: careful
steps:
  - { do: run-sql, name: leave a mark, database: postgres, sql: "CREATE TABLE marks (n int)" }
  - { do: run-sql, name: only once, database: postgres, sql: "SELECT count(*) FROM wanted", expect: "1" }
  - { do: wait-for-approval, name: four eyes, question: "is it right?" }
  - { do: run-sql, name: the end, database: postgres, sql: "INSERT INTO marks VALUES (1)" }`,
  )
  const failed = await playbook('run', 'careful')
  expect([failed.exitCode, failed.run.state]).toEqual([3, 'failed'])
  expect(states(failed.run)).toEqual(['done', 'failed', 'pending', 'pending'])
  expect(failed.run.steps[1]?.error?.causes.join()).toContain('wanted')
  const { id } = failed.run
  await cluster.sql('postgres', 'CREATE TABLE wanted (n int); INSERT INTO wanted VALUES (1), (2)')
  const again = await playbook('resume', id)
  expect(again.run.steps[1]?.error?.code).toBe('assertion-failed')
  await cluster.sql('postgres', 'DELETE FROM wanted WHERE n = 2')
  const waiting = await playbook('resume', id)
  expect([waiting.exitCode, waiting.run.state, states(waiting.run)]).toEqual([
    3,
    'waiting',
    ['done', 'done', 'waiting', 'pending'],
  ])
  expect(readFileSync(waiting.run.report, 'utf8')).toContain(`gmah-backup playbook approve ${id}`)
  // Nobody goes past a question by resuming.
  expect((await playbook('resume', id)).run.state).toBe('waiting')
  const done = await playbook('approve', id)
  expect([done.exitCode, states(done.run)]).toEqual([0, ['done', 'done', 'done', 'done']])
  expect(await cluster.sql('postgres', 'SELECT n FROM marks')).toEqual([{ n: 1 }])
  const over = await here.cli('--json', 'playbook', 'resume', id)
  expect(JSON.parse(over.stdout).error.code).toBe('usage')
})

it('after a kill in the middle of a step it goes on with that step, and does none twice', async () => {
  write(
    'slow',
    `title: slow
steps:
  - { do: run-sql, name: first, database: postgres, sql: "CREATE TABLE steps_done (n int)" }
  - { do: run-sql, name: slow, database: postgres, sql: "SELECT pg_advisory_lock(42)" }
  - { do: notify, name: end, message: done }`,
  )
  const holder = cluster.sql('postgres', 'SELECT pg_advisory_lock(42), pg_sleep(1000)')
  holder.catch(() => {})
  const child = startCli(here, 'playbook', 'run', 'slow')
  const asked =
    "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%advisory_lock(42)%' AND wait_event_type = 'Lock'"
  await until(async () => (await cluster.sql('postgres', asked)).length > 0)
  child.kill('SIGKILL')
  await child.ended
  await cluster.sql(
    'postgres',
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%advisory_lock(42)%' AND pid <> pg_backend_pid()",
  )
  const { stdout } = await here.cli('--json', 'playbook', 'list')
  const [left] = (JSON.parse(stdout) as { runs: PlaybookRun[] }).runs
  expect([left?.playbook, states(left!)]).toEqual(['slow', ['done', 'running', 'pending']])
  const { exitCode, run } = await playbook('resume', left!.id)
  expect([exitCode, states(run)]).toEqual([0, ['done', 'done', 'done']])
})

it('the daemon keeps a copy in the store, and changes only what changed', async () => {
  const { store } = here.parts().repository
  const daemon = startDaemon(here)
  await daemon.ready
  daemon.kill('SIGTERM')
  await daemon.ended
  const copy = await store.get('platform/playbooks/tenant-in-place.md')
  expect(Buffer.from(copy.body).equals(readFileSync(join(FOLDER, 'tenant-in-place.md')))).toBe(true)
  expect(await publishPlaybooks(store, join(here.folder, 'playbooks'))).toEqual([])
  write('careful', 'title: other\nsteps: []')
  expect(await publishPlaybooks(store, join(here.folder, 'playbooks'))).toEqual(['careful.md'])
})
