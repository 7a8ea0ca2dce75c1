// A restore that is ended midway, by whatever, leaves nothing under the asked name, and what it leaves under its own goes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { closeLastLife } from '../../src/jobs/daemon-work.js'
import { sweepStaging } from '../../src/jobs/sweep-staging.js'
import { connect } from '../../src/postgres/connection.js'
import { silentLogger } from '../../src/sys/log.js'
import { until } from '../kit/clock.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { CLI } from '../kit/installation.js'
import { startServer, stopServer } from '../kit/server-control.js'
import type { Twist } from '../kit/twisted-tools.js'

let scene: Scene
beforeAll(async () => {
  scene = await setScene(['a'])
  expect(await scene.here.night()).toMatchObject({ failure: null })
})
afterAll(async () => {
  await stopServer(scene.cluster)
  await scene.end()
})
afterEach(async () => {
  scene.tools.straighten()
  expect(await names('copy')).toEqual([])
  expect(await names('restoring_%')).toEqual([])
  // Whatever happened, the backup is as good as before.
  const { proof } = await scene.here.restore('a', 'copy')
  expect(proof.differences).toEqual([])
  await scene.cluster.sql('postgres', 'DROP DATABASE copy')
})

const names = async (like: string) =>
  (
    await scene.cluster.sql<{ name: string }>(
      'postgres',
      `SELECT datname::text AS name FROM pg_database WHERE datname LIKE '${like}'`,
    )
  ).map(row => row.name)

const failed = (twist: Twist) => {
  scene.tools.twist('pg_restore', twist)
  return scene.here.restore('a', 'copy').catch(thrown => thrown)
}

describe('pg_restore', () => {
  test('dies of -9 midway', async () => {
    expect(await failed({ input: true, pass: 300_000, signal: 'SIGKILL' })).toMatchObject({
      code: 'restore-failed',
      message: expect.stringContaining('ended with signal SIGKILL'),
      hint: expect.stringContaining('nothing is left under the asked name'),
    })
    expect(scene.told()).toMatchObject({ outcome: 'failed', error: 'restore-failed' })
  })

  test('exits with 1', async () => {
    expect(await failed({ bytes: '', exit: 1 })).toMatchObject({ code: 'restore-failed' })
  })

  test('exits with 0 and has loaded nothing: the proof finds out', async () => {
    const failure = await failed({ bytes: '', exit: 0 })
    expect(failure).toMatchObject({ code: 'proof-failed' })
    expect(failure.message).toMatch(/table public\.items: 2000 rows, .* in the backup, nothing restored/)
    expect(scene.told()).toMatchObject({ outcome: 'failed', error: 'proof-failed' })
  })

  test('is given a byte that differs: the proof finds out', async () => {
    // In the middle of the rows, from a digit to another letter: pg_restore has nothing to object.
    const failure = await failed({ input: true, flip: 400_001 })
    expect(failure).toMatchObject({ code: 'proof-failed' })
    expect(failure.message).toMatch(/copy differs from its backup in 1 places: table public\.items/)
  })

  test('is not there', async () => {
    scene.tools.remove('pg_restore')
    const failure = await scene.here.restore('a', 'copy').catch(thrown => thrown)
    expect(failure).toMatchObject({ code: 'tool-missing', hint: expect.stringContaining('apt install') })
  })

  test("its connection is cut, or the server's gone for a moment", async () => {
    const { cluster, tools, here, gate } = scene
    const disasters = [
      () =>
        cluster.sql(
          'postgres',
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'restoring_%'`,
        ),
      async () => {
        await stopServer(cluster)
        await startServer(cluster)
      },
    ]
    for (const [at, disaster] of disasters.entries()) {
      const stop = gate(`cut ${at}`)
      tools.twist('pg_restore', { input: true, gate: stop.path, gateAt: 300_000 })
      const restoring = here.restore('a', 'copy').catch(thrown => thrown)
      await until(stop.reached)
      await disaster()
      stop.open()
      expect(await restoring).toMatchObject({ code: 'postgres-unreachable' })
      expect(scene.told()).toMatchObject({ outcome: 'failed', error: 'postgres-unreachable' })
    }
  })
})

const CREATING = `SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'CREATE DATABASE%'`

test('an abort while the server makes the database: it is made, and gone again', async () => {
  const { here, cluster } = scene
  const holder = await connect(cluster.target, 'postgres')
  await holder.run(`BEGIN; COMMENT ON DATABASE template0 IS 'a lock that CREATE DATABASE waits for'`)
  const controller = new AbortController()
  const restoring = here.restore('a', 'copy', { signal: controller.signal }).catch(thrown => thrown)
  await expect
    .poll(() => cluster.sql('postgres', `${CREATING} AND wait_event_type = 'Lock'`), { timeout: 90_000 })
    .toHaveLength(1)
  controller.abort(new Failure('interrupted', 'interrupted by SIGINT'))
  await holder.close()
  expect(await restoring).toMatchObject({ code: 'interrupted' })
  // What the server were still at would come after we had looked.
  await expect.poll(() => cluster.sql('postgres', CREATING), { timeout: 90_000 }).toEqual([])
})

test('an abort in the middle of the load', async () => {
  const { tools, here, gate } = scene
  const stop = gate('abort')
  tools.twist('pg_restore', { input: true, gate: stop.path, gateAt: 300_000 })
  const controller = new AbortController()
  const restoring = here.restore('a', 'copy', { signal: controller.signal }).catch(thrown => thrown)
  await until(stop.reached)
  expect(await names('restoring_%')).toHaveLength(1)
  controller.abort(new Failure('interrupted', 'interrupted by SIGINT'))
  expect(await restoring).toMatchObject({ code: 'interrupted' })
  expect(scene.told()).toMatchObject({ outcome: 'interrupted', error: 'interrupted' })
})

test('an abort in the middle of the proof', async () => {
  const { tools, here, gate } = scene
  const stop = gate('proof')
  tools.twist('pg_dump', { gate: stop.path, gateAt: 300_000 })
  const controller = new AbortController()
  const restoring = here.restore('a', 'copy', { signal: controller.signal }).catch(thrown => thrown)
  await until(stop.reached)
  controller.abort(new Failure('interrupted', 'interrupted by SIGINT'))
  expect(await restoring).toMatchObject({ code: 'interrupted' })
})

/** The command line, restoring, and how far its pg_restore has come. */
async function commandLine(name: string) {
  const { tools, here, gate } = scene
  const stop = gate(name)
  tools.twist('pg_restore', { input: true, gate: stop.path, gateAt: 300_000 })
  const child = spawn('node', [CLI, '--config', here.configFile, 'restore', 'a', '--as', 'copy'], {
    stdio: 'ignore',
  })
  await until(stop.reached)
  return { child, exited: once(child, 'exit') }
}

test('SIGINT to the command line: exit code 130, and everything is tidied up at once', async () => {
  const { child, exited } = await commandLine('polite')
  child.kill('SIGINT')
  expect(await exited).toEqual([130, null])
  expect(scene.told()).toMatchObject({ outcome: 'interrupted', error: 'interrupted' })
})

describe('kill -9 of the command line', () => {
  test('leaves a staging database that a sweep leaves alone while its run may live, and the daemon drops', async () => {
    const { here, told } = scene
    const { child, exited } = await commandLine('kill')
    const [staging] = await names('restoring_%')
    const run = here.app.journal.runs({ limit: 1 })[0]
    expect(staging).toBe(`restoring_${run?.id}`)
    expect(await sweepStaging(here.parts(), id => here.app.journal.run(id)?.outcome !== 'running')).toEqual(
      [],
    )
    child.kill('SIGKILL')
    await exited
    expect(await names('copy')).toEqual([])
    expect(await names('restoring_%')).toEqual([staging])
    expect(told()).toMatchObject({ outcome: 'running' })
    await closeLastLife(here.parts(), here.app.journal, silentLogger())
    expect(await names('restoring_%')).toEqual([])
    expect(told()).toMatchObject({ outcome: 'interrupted', error: 'interrupted' })
    expect(here.events('run-interrupted').at(-1)).toMatchObject({ run: run?.id })
  })
})
