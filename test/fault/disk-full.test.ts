// No room in the state directory: said as disk-full, no backup lost by it, and all is well once there is room again.
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { backupAll } from '../../src/jobs/backup-all.js'
import type { NightReport } from '../../src/jobs/backup-report.js'
import { createRunner } from '../../src/jobs/runner.js'
import { CATALOGUE_MIGRATIONS, Catalogue } from '../../src/repository/catalogue.js'
import { silentLogger } from '../../src/sys/log.js'
import { openSqlite, type Sqlite } from '../../src/sys/sqlite.js'
import { type Cluster, startPlatform, temporaryFolder } from '../kit/cluster.js'
import { editConfig } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'
import { leaveNoPage, openState, tempFolder } from '../kit/state.js'
import { auditStore } from '../kit/store-audit.js'

let cluster: Cluster

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE t AS SELECT 1 AS n' })
})

afterAll(() => cluster.stop())

async function installed(): Promise<Installation> {
  const here = await install(cluster.target)
  onTestFinished(() => here.remove())
  return here
}

const makeRoom = (db: Sqlite): void => void db.exec('PRAGMA max_page_count = 1000000')

test('under the catalogue: each backup exists, is told as not noted, and the next refresh finds it', async () => {
  const here = await installed()
  const db = openSqlite(join(tempFolder(), 'catalogue.sqlite'), CATALOGUE_MIGRATIONS)
  onTestFinished(() => void db.close())
  leaveNoPage(db)
  const parts = { ...here.parts(), catalogue: new Catalogue(db) }
  let report: NightReport | undefined
  await here.app.runner.run({ name: 'backup-all', trigger: 'manual' }, async context => {
    // The label makes the entry longer than what is left of any page.
    report = await backupAll(parts, { kind: 'manual', label: 'x'.repeat(5_000), names: [] }, context)
    return { outcome: 'partial' }
  })
  const codes = report?.failed.map(one => one.failure.code)
  expect(codes).toEqual(['disk-full', 'disk-full', 'disk-full'])
  expect(here.events('backup-failed').map(event => event.facts)).toMatchObject(
    Array(3).fill({ error: { code: 'disk-full', hint: expect.stringContaining('the state directory') } }),
  )
  const stored = await auditStore(here.parts())
  expect(stored).toHaveLength(3)
  await expect(parts.catalogue.refresh(parts.repository, { from: 'cache' })).rejects.toMatchObject({
    code: 'disk-full',
  })
  makeRoom(db)
  expect(await parts.catalogue.refresh(parts.repository, { from: 'cache' })).toMatchObject({
    added: 3,
    problems: [],
  })
  expect(
    parts.catalogue
      .list()
      .map(one => one.id)
      .sort(),
  ).toEqual(stored.map(one => one.backup).sort())
})

test('under the journal at the end of a run: the job is free again, and the end is told when there is room', async () => {
  const state = openState()
  const runner = createRunner({ ...state, log: silentLogger(), shutdown: new AbortController().signal })
  const job = { name: 'backup-all', trigger: 'schedule' } as const
  const crowd = (): void => {
    leaveNoPage(state.db)
    const about = { run: null, subject: null }
    const event = { type: 'daemon-stopping', ...about, facts: { reason: 'x' } } as const
    for (;;) state.journal.event(event)
  }
  const night = runner.run(job, async () => {
    expect(crowd).toThrow(expect.objectContaining({ code: 'disk-full' }))
    throw new Failure('store-full', 'no room there either')
  })
  await expect(night).rejects.toMatchObject({ code: 'disk-full' })
  expect(runner.busy(job)).toBe(false)
  await expect(runner.run(job, async () => ({ outcome: 'succeeded' }))).rejects.toMatchObject({
    code: 'disk-full',
  })
  makeRoom(state.db)
  // What was owed to the journal is told once: it is in no later run's way.
  for (let again = 0; again < 2; again++)
    expect((await runner.run(job, async () => ({ outcome: 'succeeded' }))).run.outcome).toBe('succeeded')
  expect(state.journal.runs().map(run => [run.outcome, run.error?.code])).toEqual([
    ['succeeded', undefined],
    ['succeeded', undefined],
    ['failed', 'store-full'],
  ])
  expect(state.db.prepare('select * from job_locks').all()).toEqual([])
})

test('a night whose events cannot be kept ends only when its dumps have', async () => {
  const here = await installed()
  let running = 0
  const night = here.app.runner.run({ name: 'backup-all', trigger: 'manual' }, async context => {
    const emit: typeof context.emit = event => {
      if (event.type === 'backup-started') running++
      if (event.type === 'backup-committed' || event.type === 'backup-failed') running--
      if (event.subject === 'platform/globals') throw new Failure('disk-full', 'no space left')
    }
    await backupAll(here.parts(), { kind: 'manual', label: null, names: [] }, { ...context, emit })
    return { outcome: 'succeeded' }
  })
  expect((await night).failure).toMatchObject({ code: 'disk-full' })
  expect(running).toBe(1)
})

/** A file system of its own for the state directory; null where we may not mount one. */
async function smallDisk(): Promise<string | null> {
  const { path, remove } = await temporaryFolder()
  onTestFinished(remove)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    console.error('NO RIGHT TO MOUNT: the full disk is only tried inside SQLite')
    return null
  }
  onTestFinished(() => void execFileSync('umount', ['-l', path]))
  return path
}

function fillUp(file: string): void {
  const block = Buffer.alloc(4096)
  const write = () => {
    for (;;) appendFileSync(file, block)
  }
  expect(write).toThrow(expect.objectContaining({ code: 'ENOSPC' }))
}

test('the disk itself full at the end of a run: its job is not busy for ever', async context => {
  const disk = await smallDisk()
  if (disk === null) return context.skip()
  const folder = join(disk, 'state')
  mkdirSync(folder)
  const state = openState(undefined, folder)
  const runner = createRunner({ ...state, log: silentLogger(), shutdown: new AbortController().signal })
  const job = { name: 'backup-all', trigger: 'schedule' } as const
  const night = runner.run(job, async () => {
    fillUp(join(disk, 'filler'))
    return { outcome: 'succeeded' }
  })
  await expect(night).rejects.toMatchObject({ code: 'disk-full' })
  rmSync(join(disk, 'filler'))
  expect(state.db.prepare('select * from job_locks').all()).toHaveLength(1)
  expect(runner.busy(job)).toBe(false)
  expect((await runner.run(job, async () => ({ outcome: 'succeeded' }))).run.outcome).toBe('succeeded')
  expect(state.journal.runs().map(run => run.outcome)).toEqual(['succeeded', 'succeeded'])
  state.db.close()
})

test('the disk itself full: a command says disk-full, and once there is room the next one works', async context => {
  const disk = await smallDisk()
  if (disk === null) return context.skip()
  const here = await installed()
  const state = join(disk, 'state')
  mkdirSync(state)
  editConfig(here, config => Object.assign(config, { state_directory: state }))
  expect((await here.cli('backup')).exitCode).toBe(0)
  fillUp(join(disk, 'filler'))
  const refused = await here.cli('backup')
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('[disk-full]')])
  expect(refused.stderr).toContain('hint: free disk space where the message says')
  rmSync(join(disk, 'filler'))
  expect((await here.cli('backup')).exitCode).toBe(0)
  const runs = JSON.parse((await here.cli('--json', 'runs')).stdout)
  expect(runs.map((run: { outcome: string }) => run.outcome)).not.toContain('running')
  await auditStore(here.parts())
})
