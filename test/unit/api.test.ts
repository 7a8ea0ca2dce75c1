// The HTTP face on real parts: what it says when all is well, and each reason for not being ready.

import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { StoreHealth } from '../../src/api/health.js'
import { createMetrics } from '../../src/api/metrics.js'
import { createServer } from '../../src/api/server.js'
import type { BackupFacts } from '../../src/domain/backup-events.js'
import { Failure } from '../../src/domain/errors.js'
import { newBackupId } from '../../src/domain/ids.js'
import { parseSubjectId } from '../../src/domain/subject.js'
import { createScheduler } from '../../src/jobs/scheduler.js'
import { silentLogger } from '../../src/sys/log.js'
import { NIGHTLY } from '../kit/schedules.js'
import { openCatalogue, openState } from '../kit/state.js'

const ACME = parseSubjectId('tenants/acme')
const INCIDENTS = [
  { rule: 'backup-failed', severity: 'critical' },
  { rule: 'backup-failed', severity: 'critical' },
  { rule: 'drift', severity: 'warning' },
]
const backup: BackupFacts = {
  backup: newBackupId(),
  kind: 'scheduled',
  instant: '2026-11-23T01:30:00.000Z',
  rows: 42,
  tables: 3,
  streamBytes: 1000,
  newStoredBytes: 3,
  newBytes: 300,
  reusedBytes: 700,
  storedBytes: 120,
  durationMs: 1500,
}

function api() {
  const state = openState()
  const log = silentLogger()
  const scheduler = createScheduler({ ...state, log, busy: () => false, launch: async () => {} }, [NIGHTLY])
  const metrics = createMetrics({
    journal: state.journal,
    schedules: () => [NIGHTLY],
    catalogue: openCatalogue(),
    present: () => [],
    incidents: () => INCIDENTS,
    channels: () => [{ name: 'team', failing: true, waiting: 2 }],
    clock: state.clock,
    version: '0.1.0',
  })
  const store: StoreHealth = { lastSuccessAt: state.clock.now(), failure: null }
  const stopping = new AbortController()
  const server = createServer({
    ...state,
    log,
    metrics,
    version: '0.1.0',
    store: () => store,
    schedules: scheduler.status,
    stopping: stopping.signal,
  })
  onTestFinished(async () => {
    await server.close()
    metrics.close()
  })
  const get = async (url: string) => {
    const response = await server.inject({ url })
    return {
      status: response.statusCode,
      type: response.headers['content-type'],
      body: response.body,
      json: () => response.json(),
    }
  }
  return { ...state, server, metrics, store, stopping, get }
}

test('/healthz is about this process', async () => {
  const { get } = api()
  const { status, json } = await get('/healthz')
  expect(status).toBe(200)
  expect(json()).toMatchObject({ status: 'alive', version: '0.1.0', pid: process.pid })
})

describe('/readyz', () => {
  const reasons = async ({ get }: ReturnType<typeof api>) => {
    const { status, json } = await get('/readyz')
    const body = json()
    expect([status, body.status]).toEqual(body.reasons.length === 0 ? [200, 'ready'] : [503, 'not-ready'])
    return body.reasons as { check: string; code: string; name?: string }[]
  }
  const endRun = (
    { journal }: ReturnType<typeof api>,
    outcome: 'succeeded' | 'partial' | 'failed',
    failure?: Failure,
  ) =>
    journal.finishRun(journal.startRun({ job: 'backup-all', trigger: 'schedule' }).id, {
      outcome,
      ...(failure ? { failure } : {}),
    })

  test('is ready before the first night and after a good one', async () => {
    const one = api()
    expect(await reasons(one)).toEqual([])
    endRun(one, 'succeeded')
    expect(await reasons(one)).toEqual([])
  })

  test('is not while the last run failed or was partial, nor when the last success is too old', async () => {
    const one = api()
    endRun(one, 'succeeded')
    one.clock.pass(1000)
    endRun(one, 'failed', new Failure('store-full', 'the bucket is full'))
    expect(await reasons(one)).toMatchObject([{ check: 'schedule', name: 'nightly', code: 'store-full' }])
    one.clock.pass(1000)
    endRun(one, 'partial')
    expect(await reasons(one)).toMatchObject([{ check: 'schedule', code: 'partial' }])
    one.clock.pass(1000)
    endRun(one, 'succeeded')
    one.clock.pass(28 * 3_600_000)
    one.store.lastSuccessAt = one.clock.now()
    expect(await reasons(one)).toMatchObject([{ check: 'schedule', code: 'stale' }])
  })

  test('is not when the store fails, was not asked of late, or the daemon stops', async () => {
    const one = api()
    one.store.failure = { code: 'store-denied', message: 'no' }
    expect(await reasons(one)).toMatchObject([{ check: 'store', code: 'store-denied' }])
    one.store.failure = null
    one.clock.pass(16 * 60_000)
    expect(await reasons(one)).toMatchObject([{ check: 'store', code: 'store-unreachable' }])
    one.store.lastSuccessAt = one.clock.now()
    one.stopping.abort()
    expect(await reasons(one)).toMatchObject([{ check: 'stopping' }])
  })

  test('is not without its journal, and says so rather than breaking', async () => {
    const one = api()
    one.db.close()
    expect(await reasons(one)).toMatchObject([{ check: 'journal' }])
  })
})

describe('/metrics', () => {
  const value = (text: string, line: string) =>
    text
      .split('\n')
      .find(one => one.startsWith(`${line} `))
      ?.slice(line.length + 1)

  test('fold the journal, of before the start and of other processes too', async () => {
    const one = api()
    const other = openState(one.clock, one.folder)
    const { id } = other.journal.startRun({ job: 'backup-all', trigger: 'manual' })
    other.journal.event({ type: 'backup-committed', run: id, subject: ACME, facts: backup })
    other.journal.finishRun(id, { outcome: 'succeeded' })
    one.metrics.observeStore({ operation: 'put', code: 'ok', durationMs: 30, bytes: 700 })
    for (let scrape = 0; scrape < 2; scrape++) {
      const { body, type } = await one.get('/metrics')
      expect(type).toContain('text/plain')
      expect(value(body, 'gmah_backup_runs_total{job="backup-all",outcome="succeeded"}')).toBe('1')
      expect(value(body, 'gmah_backup_freshness_window_seconds{schedule="nightly",job="backup-all"}')).toBe(
        '97200',
      )
      expect(value(body, 'gmah_backup_store_operation_seconds_count{operation="put",code="ok"}')).toBe('1')
      expect(value(body, 'gmah_backup_incidents_open{rule="backup-failed",severity="critical"}')).toBe('2')
      expect(value(body, 'gmah_backup_store_transferred_bytes_total{operation="put"}')).toBe('700')
      expect(value(body, 'gmah_backup_alert_messages_waiting{channel="team"}')).toBe('2')
      expect(value(body, 'gmah_backup_alert_channel_failing{channel="team"}')).toBe('1')
      expect(value(body, 'gmah_backup_build_info{version="0.1.0"}')).toBe('1')
      expect(body).toContain('nodejs_eventloop_lag_p99_seconds')
    }
  })

  test('count the dumps in progress, and forget those of a run that ended without saying', async () => {
    const { journal, get } = api()
    const running = async () => value((await get('/metrics')).body, 'gmah_backup_dumps_running')
    const { id: run } = journal.startRun({ job: 'backup-all', trigger: 'manual' })
    for (const name of ['tenants/a', 'tenants/b', 'tenants/c']) {
      journal.event({ type: 'backup-started', run, subject: parseSubjectId(name), facts: { kind: 'manual' } })
    }
    expect(await running()).toBe('3')
    journal.event({ type: 'backup-committed', run, subject: parseSubjectId('tenants/a'), facts: backup })
    expect(await running()).toBe('2')
    journal.finishRun(run, { outcome: 'failed', failure: new Failure('store-full', 'x') })
    expect(await running()).toBe('0')
  })

  test('of two servers do not meet', async () => {
    const [one, two] = [api(), api()]
    one.metrics.observeStore({ operation: 'get', code: 'ok', durationMs: 1, bytes: 1 })
    const { body } = await two.get('/metrics')
    expect(body).toContain('gmah_backup_store_operation_seconds_count{operation="get",code="ok"} 0\n')
  })
})

test('errors are problem documents', async () => {
  const { get, server } = api()
  const missing = await get('/nothing?token=x')
  expect(missing).toMatchObject({ status: 404, type: expect.stringContaining('application/problem+json') })
  expect(missing.json()).toMatchObject({ status: 404, code: 'not-found', detail: 'there is no GET /nothing' })
  const posted = await server.inject({ method: 'POST', url: '/healthz' })
  expect(posted.statusCode).toBe(404)
})

test('a failure keeps its code, and a bug tells no secret', async () => {
  const { server, get } = api()
  server.get('/known', async () => {
    throw new Failure('backup-unknown', 'there is no backup 1')
  })
  server.get('/bug', async () => {
    throw new Error('cannot reach postgres://gmah:hunter2@db/x')
  })
  expect((await get('/known')).json()).toMatchObject({
    status: 404,
    code: 'backup-unknown',
    type: 'urn:gmah-backup:error:backup-unknown',
  })
  const bug = await get('/bug')
  expect(bug.json()).toMatchObject({ status: 500, code: 'unexpected' })
  expect(bug.body).not.toContain('hunter2')
})

test('close ends connections that are kept open', async () => {
  const { server } = api()
  await server.listen({ host: '127.0.0.1', port: 0 })
  const address = server.server.address()
  if (typeof address !== 'object' || !address) throw new Error('it listens')
  const socket = connect(address.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(socket, 'data')
  const ended = once(socket, 'close')
  await server.close()
  await ended
})
