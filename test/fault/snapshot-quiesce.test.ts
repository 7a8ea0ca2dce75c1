// What is done to a server right before its snapshot, and that whatever of it fails, it is told and the server runs afterwards.
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ServerOrder } from '../../src/domain/snapshot-settings.js'
import { startServersLeftOff } from '../../src/jobs/start-servers.js'
import { type Cluster, startCluster, temporaryFolder } from '../kit/cluster.js'
import { type SnapshotDesk, snapshotDesk } from '../kit/hetzner/desk.js'
import { type HetznerFault, occasions } from '../kit/hetzner/faults.js'
import { GOOD } from '../kit/hetzner/state.js'

let cluster: Cluster
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let desk: SnapshotDesk
let app: number

beforeAll(async () => {
  cluster = await startCluster()
  folder = await temporaryFolder()
})
afterAll(async () => {
  await folder.remove()
  await cluster.stop()
})
beforeEach(async () => {
  desk = await snapshotDesk()
  Object.assign(desk.parts.config, { postgres: cluster.target })
  app = desk.fake.project.addServer()
})
afterEach(async () => {
  expect(desk.fake.violations).toEqual([])
  await desk.close()
})

const PLAIN: ServerOrder = { server: 'gmah-app', checkpoint: false, command: null, shutdown: false }
const week = (order: Partial<ServerOrder>, crash?: AbortSignal) =>
  desk.week({ servers: [{ ...PLAIN, ...order }] }, crash)
const warnings = () => desk.events('snapshot-warning').map(one => one.facts.message)
const server = () => desk.fake.project.servers.get(app)
const madeOff = () => desk.fake.project.made.map(one => desk.fake.project.madeOff.has(one.id))
const CREATE = /create_image$/
const lastCheckpoint = async () =>
  (
    await cluster.sql<{ at: string }>('postgres', 'SELECT checkpoint_lsn AS at FROM pg_control_checkpoint()')
  )[0]?.at

function program(name: string, body: string): string {
  const file = join(folder.path, name)
  writeFileSync(file, `#!/bin/sh\n${body}\n`)
  chmodSync(file, 0o755)
  return file
}

describe('CHECKPOINT and a program', () => {
  test('are done by the time the snapshot is asked for', async () => {
    await cluster.sql('postgres', 'CREATE TABLE dirt AS SELECT generate_series(1, 1000)')
    const before = await lastCheckpoint()
    const mark = join(folder.path, 'mark')
    const command = [program('settle', `printf '%s %s' "$SERVER" "$2" >"$1"`), mark, 'fast']
    let done = false
    desk.fake.faults = call => {
      if (CREATE.test(call.path)) done = existsSync(mark)
      return null
    }
    expect((await week({ checkpoint: true, command })).failure).toBeNull()
    expect([done, readFileSync(mark, 'utf8')]).toEqual([true, 'gmah-app fast'])
    expect(await lastCheckpoint()).not.toBe(before)
    expect(warnings()).toEqual([])
  })

  test('that fail are told, and the snapshot is made all the same', async () => {
    Object.assign(desk.parts.config, { postgres: { ...cluster.target, user: 'nobody_at_all' } })
    const command = [program('broken', 'echo it went wrong >&2; exit 3')]
    expect((await week({ checkpoint: true, command })).failure).toBeNull()
    expect(warnings()).toEqual([
      expect.stringMatching(/broken before the snapshot failed: exit status 3: it went wrong/),
      expect.stringMatching(/^CHECKPOINT before the snapshot failed: /),
    ])
    expect(desk.events('snapshot-made')).toHaveLength(1)
  })
})

test('volumes and a protection against a rebuild are told each time, and stand in the sheet', async () => {
  desk.fake.project.servers.clear()
  desk.fake.project.addServer({ volumes: [4711], rebuildProtected: true })
  expect((await week({})).failure).toBeNull()
  expect(warnings()).toEqual([
    expect.stringMatching(/the volumes 4711 of gmah-app are not in its snapshots/),
    expect.stringMatching(/protected against a rebuild/),
  ])
})

describe('a shutdown', () => {
  test('is never made unless it is asked for', async () => {
    expect((await week({})).failure).toBeNull()
    expect(desk.fake.calls.some(one => /shutdown|poweron/.test(one.path))).toBe(false)
  })

  test('asked for: the server is off while its snapshot is made, and on afterwards', async () => {
    expect((await week({ shutdown: true })).failure).toBeNull()
    expect([madeOff(), server()?.status, warnings()]).toEqual([[true], 'running', []])
    expect(desk.events('server-shutdown')).toHaveLength(1)
    expect(desk.events('server-started')[0]?.facts).toMatchObject({ server: 'gmah-app', serverId: app })
  })

  const faults: [string, HetznerFault][] = [
    ['an answer lost', { cut: 'after' }],
    ['a request lost', { cut: 'before' }],
    ['a proxy that gives up', { proxy: 504, when: 'after' }],
    ['too many requests', { limited: true }],
  ]
  test.each(faults)('%s at shutdown and start changes nothing of that', async (_name, fault) => {
    desk.fake.faults = occasions({ path: /shutdown$/, fault }, { path: /poweron$/, fault })
    expect((await week({ shutdown: true })).failure).toBeNull()
    expect([madeOff(), server()?.status, warnings()]).toEqual([[true], 'running', []])
  })

  test('that the system ignores is told; its snapshot is of a running server', async () => {
    desk.fake.project.shutdownMs = null
    expect((await week({ shutdown: true })).failure).toBeNull()
    expect([madeOff(), server()?.status]).toEqual([[false], 'running'])
    expect(warnings()).toEqual([expect.stringMatching(/did not shut down before its snapshot/)])
  })

  test('of the very server that this runs on is refused, and told', async () => {
    desk.fake.project.servers.clear()
    app = desk.fake.project.addServer({ ip: '127.0.0.1' })
    expect((await week({ shutdown: true })).failure).toBeNull()
    expect(desk.fake.calls.some(one => /shutdown$/.test(one.path))).toBe(false)
    expect(warnings()).toEqual([expect.stringMatching(/the server that this runs on/)])
  })

  test('a snapshot that fails leaves the server on', async () => {
    desk.fake.project.fate = () => ({ ...GOOD, ends: 'error' })
    expect((await week({ shutdown: true })).failure?.code).toBe('snapshot-failed')
    expect(server()?.status).toBe('running')
  })

  test('a server that cannot be started again is told by a code of its own, and started by the next run', async () => {
    const refused: HetznerFault = { refuse: { status: 412, code: 'resource_unavailable' } }
    desk.fake.faults = occasions({ path: /poweron$/, times: 10_000, fault: refused })
    const { failure } = await week({ shutdown: true })
    expect([failure?.code, server()?.status]).toEqual(['server-left-off', 'off'])
    expect(desk.events('snapshot-failed')[0]?.facts.error).toMatchObject({
      code: 'server-left-off',
      hint: expect.stringMatching(/start it now/),
    })
    desk.fake.faults = () => null
    expect((await week({})).failure).toBeNull()
    expect(server()?.status).toBe('running')
    expect(desk.fake.project.made.filter(one => one.status === 'available')).toHaveLength(1)
  })

  describe('a process that dies while the server is off', () => {
    const cutShort = async () => {
      const died = new AbortController()
      desk.fake.faults = call => {
        if (CREATE.test(call.path)) setImmediate(() => died.abort())
        return null
      }
      const { failure } = await week({ shutdown: true }, died.signal)
      desk.fake.faults = () => null
      return [failure?.code, server()?.status]
    }

    test('is made up for by the next run: started, and its snapshot adopted', async () => {
      expect(await cutShort()).toEqual(['server-left-off', 'off'])
      expect((await week({ shutdown: true })).failure).toBeNull()
      expect([madeOff(), server()?.status]).toEqual([[true], 'running'])
      expect(desk.events('server-shutdown')).toHaveLength(1)
    })

    test('is made up for at the next start of the daemon, once its snapshot lets it go', async () => {
      await cutShort()
      const started = await startServersLeftOff(desk.parts, desk.runner)
      expect([started?.failure, server()?.status]).toEqual([null, 'running'])
      expect(await startServersLeftOff(desk.parts, desk.runner)).toBeNull()
    })
  })
})
