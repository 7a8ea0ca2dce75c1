// A night of backups and a night of drills on a real platform: every subject is proven, and the catalogue says so for good.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChunkId } from '../../src/domain/ids.js'
import { GLOBALS, MASTER, subjectNamed } from '../../src/domain/subject.js'
import { openBackup } from '../../src/jobs/open-backup.js'
import { chunkKey } from '../../src/store/keys.js'
import { neededBytes } from '../../src/verify/scratch-disk.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { nightOfDrills, scratchFolder } from '../kit/drills.js'
import { type Installation, install } from '../kit/installation.js'
import { DEMO_TENANTS, seedPlatform } from '../kit/platform/seed.js'

let cluster: Cluster
let here: Installation
const scratch = scratchFolder()

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { megabytesPerTenant: 2 })
  here = await install(cluster.target, { config: { drills: { scratch_directory: scratch.path } } })
  expect(await here.night()).toMatchObject({ failure: null })
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
  scratch.remove()
})

test('one night proves everyone, and nothing is left of it', async () => {
  const { report, run, failure } = await nightOfDrills(here)
  expect(failure).toBe(null)
  expect(report?.failed).toEqual([])
  expect(report?.left).toEqual([])
  expect(run.outcome).toBe('succeeded')
  const subjects = report?.passed.map(one => one.subject) ?? []
  expect(subjects).toHaveLength(DEMO_TENANTS.length + 2)
  expect(subjects).toEqual(expect.arrayContaining([MASTER, GLOBALS]))
  expect(report?.coverage).toMatchObject({ percent: 100, proven: DEMO_TENANTS.length + 2 })
  expect(here.events('proof-passed')).toHaveLength(DEMO_TENANTS.length + 2)
  expect(here.events('drills-covered').at(-1)?.facts).toMatchObject({ percent: 100, everyDays: 7 })
  expect(scratch.left()).toEqual([])
})

describe('the proofs', () => {
  test('are in the bucket: an empty disk learns them again', async () => {
    const { catalogue, repository } = here.parts()
    const before = catalogue.proofs.list()
    expect(before).toHaveLength(DEMO_TENANTS.length + 2)
    await catalogue.refresh(repository, { from: 'nothing' })
    expect(catalogue.proofs.list()).toEqual(before)
    for (const { id, subject } of catalogue.newest()) {
      const verdicts = catalogue.proofs.verdicts(id)
      expect(verdicts.provenAt, subject).not.toBeNull()
      expect(verdicts.loadSeconds, subject).toBeGreaterThan(0)
    }
  })
})

test('what a load is said to need on the disk is not less than what the original takes', async () => {
  const { repository } = here.parts()
  for (const name of DEMO_TENANTS) {
    const { manifest } = await openBackup(repository, subjectNamed(name), 'latest')
    const { dump } = manifest
    if (!dump) throw new Error('a database was expected')
    const sql = 'SELECT pg_database_size(current_database())::float AS bytes'
    const [row] = await cluster.sql<{ bytes: number }>(dump.database.name, sql)
    expect(neededBytes(dump), name).toBeGreaterThan(row?.bytes ?? Number.NaN)
    expect(neededBytes(dump), name).toBeLessThan(4 * (row?.bytes ?? 0))
  }
})

test('archives take part, with what time is left', async () => {
  expect(await here.cli('archive', 'create', 'acme')).toMatchObject({ exitCode: 0 })
  const { report, run } = await nightOfDrills(here)
  expect(run.outcome).toBe('succeeded')
  expect(report?.archives).toEqual({ passed: 1, failed: [], waiting: 0 })
  expect(here.events('archive-drilled')).toMatchObject([
    { subject: 'tenants/acme', facts: { outcome: 'passed', differences: [] } },
  ])
  const short = await nightOfDrills(here, { budgetMs: 1 })
  expect(short.report?.archives).toEqual({ passed: 0, failed: [], waiting: 1 })
  expect(here.events('archives-waiting')).toMatchObject([{ facts: { archives: 1 } }])
})

describe('the command line', () => {
  test('status says that everyone is inside their windows, and exits with 0', async () => {
    const { exitCode, stdout } = await here.cli('status')
    expect(stdout).toMatch(/^0 of 6 subjects outside a window/)
    expect(stdout.match(/^ok /gm)).toHaveLength(DEMO_TENANTS.length + 2 + 1)
    expect(exitCode).toBe(0)
    const json = JSON.parse((await here.cli('status', '--json')).stdout)
    expect(json).toMatchObject({ ok: true, tenants: { problems: [] } })
    expect(json.tenants.subjects).toHaveLength(DEMO_TENANTS.length + 2)
  })

  test('verify looks as deep as it is told to, and backups shows it', async () => {
    const stored = await here.cli('verify', 'acme', '--level', 'stored', '--json')
    expect(JSON.parse(stored.stdout)).toMatchObject({
      subject: 'tenants/acme',
      level: 'stored',
      outcome: 'passed',
    })
    const [newest] = here.parts().catalogue.list({ subject: subjectNamed('acme') })
    const read = await here.cli('verify', newest?.id ?? '', '--level', 'read')
    expect(read).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('reads back, byte by byte') })
    const restored = await here.cli('verify', 'acme')
    expect(restored.stdout).toMatch(/is proven: restored, compared and dropped\n\d+ tables/)
    const listed = await here.cli('backups', 'acme')
    expect(listed.stdout).toMatch(/verified +loads in\n.* proven \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +\d/)
    expect(scratch.left()).toEqual([])
  })

  test('a chunk that is gone fails all three, and status says so', async () => {
    const subject = subjectNamed('acme')
    const { repository } = here.parts()
    const { manifest } = await openBackup(repository, subject, 'latest')
    const where = chunkKey(subject, manifest.chunks[1]?.id as ChunkId)
    const { body } = await repository.store.get(where)
    await repository.store.delete(where)
    const id = manifest.backup
    for (const level of ['stored', 'read', 'restore']) {
      const { exitCode, stderr } = await here.cli('verify', id, '--level', level)
      expect(stderr).toContain(manifest.chunks[1]?.id)
      expect(stderr).toContain(`did not pass (${level})`)
      expect(exitCode).toBe(8)
    }
    expect(here.events('objects-damaged')).toHaveLength(3)
    const status = await here.cli('status')
    expect(status.exitCode).toBe(1)
    expect(status.stdout).toMatch(/^1 of 6 subjects outside.*\n.*\nBAD +acme .*every backup broken/)
    await repository.store.put(where, body)
    expect(await here.cli('check', 'acme')).toMatchObject({ exitCode: 0 })
    expect(await here.cli('verify', 'acme')).toMatchObject({ exitCode: 0 })
    expect(await here.cli('status')).toMatchObject({ exitCode: 0 })
  })
})
