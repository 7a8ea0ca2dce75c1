// The scratch server: private, quick, and certain to go away, even when its owner is killed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { PostgresConfig } from '../../src/domain/configuration.js'
import { withSession } from '../../src/postgres/connection.js'
import { systemClock } from '../../src/sys/clock.js'
import { processAlive, stillRuns } from '../../src/sys/process-identity.js'
import { ownScratch } from '../../src/verify/scratch.js'
import { startScratchServer } from '../../src/verify/scratch-server.js'
import { sweepScratchServers } from '../../src/verify/scratch-sweep.js'
import { until } from '../kit/clock.js'
import { temporaryFolder } from '../kit/cluster.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>

beforeAll(async () => {
  folder = await temporaryFolder()
  // The server runs as another user when the tests run as root.
  await chmod(folder.path, 0o755)
})
afterAll(() => folder.remove())

const parent = async (name: string): Promise<string> => {
  const path = join(folder.path, name)
  await mkdir(path)
  return path
}

const postmasterPid = async (dataDirectory: string): Promise<number> =>
  Number((await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')[0])

test('is private, without a network and without durability, and gone after stop', async () => {
  const home = await parent('plain')
  const server = await startScratchServer({ parent: home, clock: systemClock, settings: { work_mem: '7MB' } })
  expect((await stat(server.host)).mode & 0o777).toBe(0o700)
  const shown = await withSession(server, 'postgres', {}, session =>
    session.query<{ name: string; setting: string }>(
      `SELECT name, setting FROM pg_settings
       WHERE name IN ('listen_addresses', 'fsync', 'autovacuum', 'full_page_writes', 'work_mem') ORDER BY 1`,
    ),
  )
  expect(Object.fromEntries(shown.map(row => [row.name, row.setting]))).toEqual({
    autovacuum: 'off',
    fsync: 'off',
    full_page_writes: 'off',
    listen_addresses: '',
    work_mem: '7168',
  })
  const pid = await postmasterPid(server.dataDirectory)
  await Promise.all([server.stop(), server.stop()])
  await server.stop()
  expect(processAlive(pid)).toBe(false)
  expect(await readdir(home)).toEqual([])
})

test('an abort stops it, while it starts or when it runs', async () => {
  const home = await parent('abort')
  const early = new AbortController()
  const starting = startScratchServer({ parent: home, clock: systemClock, signal: early.signal })
  early.abort(new Error('changed our mind'))
  await expect(starting).rejects.toThrow()

  const late = new AbortController()
  const server = await startScratchServer({ parent: home, clock: systemClock, signal: late.signal })
  late.abort(new Error('enough'))
  await server.stop()
  expect(await readdir(home)).toEqual([])
})

test('says why it does not start', async () => {
  const home = await parent('refused')
  const settings = { shared_buffers: 'plenty' }
  const failure = await startScratchServer({ parent: home, clock: systemClock, settings }).catch(
    error => error,
  )
  expect(failure).toMatchObject({ code: 'child-failed' })
  expect(failure.cause.message).toContain('shared_buffers')
  expect(await readdir(home)).toEqual([])
})

test('refuses a folder whose path is too long for a socket', async () => {
  const home = await parent('x'.repeat(90))
  await expect(startScratchServer({ parent: home, clock: systemClock })).rejects.toMatchObject({
    code: 'config-invalid',
  })
  expect(await readdir(home)).toEqual([])
})

test('does not outlive an owner that is killed, and the sweep removes its folder and no other', async () => {
  const home = await parent('killed')
  const ours = await startScratchServer({ parent: home, clock: systemClock })
  const script = `
    const { startScratchServer } = await import('./dist/src/verify/scratch-server.js')
    const { systemClock } = await import('./dist/src/sys/clock.js')
    const server = await startScratchServer({ parent: ${JSON.stringify(home)}, clock: systemClock })
    console.log(server.dataDirectory)
    setInterval(() => {}, 1000)`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = await once(owner.stdout, 'data')
  const data = String(said).trim()
  expect(await sweepScratchServers(home, systemClock)).toEqual([])
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  // The kernel told the server, which removes its lock file as it goes.
  const locked = () => postmasterPid(data).catch(() => null)
  await expect.poll(locked, { timeout: 90_000 }).toBe(null)

  expect(await sweepScratchServers(home, systemClock)).toEqual([join(data, '..')])
  expect(await readdir(home)).toHaveLength(1)
  await ours.stop()
})

test('the sweep stops a server that outlived its owner', async () => {
  const home = await parent('outlived')
  const server = await startScratchServer({ parent: home, clock: systemClock })
  const pid = await postmasterPid(server.dataDirectory)
  const orphan = join(home, 'gmah-scratch-4194399-1-abc123')
  await rename(server.host, orphan)
  expect(await sweepScratchServers(home, systemClock)).toEqual([orphan])
  expect(processAlive(pid)).toBe(false)
  await server.ended
  expect(await readdir(home)).toEqual([])
  await server.stop()
})

test('the sweep ends nobody whose id only stands in a stale lock file', async () => {
  const home = await parent('stale')
  const bystander = spawn('sleep', ['60'])
  onTestFinished(() => void bystander.kill())
  const data = join(home, 'gmah-scratch-4194399-1-abc123', 'data')
  await mkdir(data, { recursive: true })
  await writeFile(join(data, 'postmaster.pid'), `${bystander.pid}\n${data}\n`)
  await sweepScratchServers(home, systemClock)
  expect(processAlive(bystander.pid ?? 0)).toBe(true)
  expect(bystander.signalCode).toBe(null)
  expect(await readdir(home)).toEqual([])
})

test('the sweep does not wait for a dead server that nobody collects, as in a container without an init', async () => {
  const home = await parent('zombie')
  const data = join(home, 'gmah-scratch-4194399-1-abc123', 'data')
  await mkdir(data, { recursive: true })
  // The shell becomes a program that never asks after its child.
  const uncaring = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], {
    cwd: data,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  // Both, however it ends: they are a group of their own.
  onTestFinished(() => void process.kill(-(uncaring.pid as number), 'SIGKILL'))
  const pid = Number(String((await once(uncaring.stdout, 'data'))[0]))
  await writeFile(join(data, 'postmaster.pid'), `${pid}\n${data}\n`)
  expect(await sweepScratchServers(home, systemClock)).toEqual([join(data, '..')])
  expect([processAlive(pid), stillRuns(pid)]).toEqual([true, false])
  expect(await readdir(home)).toEqual([])
})

test('of a scratch that an abort has ended, nothing is left once it is closed', async () => {
  const directory = await parent('aborted')
  const abort = new AbortController()
  const target = { host: '/nowhere', port: 5432, user: 'nobody', toolsDirectory: null }
  const scratch = ownScratch({
    directory,
    postgres: target as unknown as PostgresConfig,
    politeness: { nice: 10, ionice: 'best-effort' },
    clock: systemClock,
    signal: abort.signal,
  })
  const server = await scratch.server(0)
  const pid = await postmasterPid(join(server.host, 'data'))
  abort.abort()
  // It ends by itself, and its folder is still being removed.
  await until(() => !processAlive(pid))
  await scratch.close()
  expect(await readdir(directory)).toEqual([])
})
