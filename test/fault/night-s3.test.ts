// A night against an S3 store in every kind of trouble: what is stored, what the journal says, what the operator is told,
// and that the next night is green and takes up what was stored.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/domain/errors.js'
import { openStore } from '../../src/store/open.js'
import { s3Store } from '../../src/store/s3.js'
import { manualClock } from '../kit/clock.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { type FaultyHttp, faultyHttp, type HttpEffect } from '../kit/faulty-http.js'
import { type Installation, install } from '../kit/installation.js'
import { churn } from '../kit/platform/churn.js'
import { seedPlatform } from '../kit/platform/seed.js'
import { type R2, startR2 } from '../kit/r2.js'

const SUBJECTS = ['platform/globals', 'platform/master', 'tenants/acme', 'tenants/globex']
const FOR_EVER = Number.POSITIVE_INFINITY

let cluster: Cluster
let r2: R2
let proxy: FaultyHttp
const installations: Installation[] = []
let prefixes = 0

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme', 'globex'], megabytesPerTenant: 0.3 })
  r2 = await startR2()
  proxy = await faultyHttp(r2.endpoint)
})

afterEach(async () => {
  proxy.heal()
  for (const one of installations.splice(0)) await one.remove()
})

afterAll(async () => {
  await proxy.stop()
  await r2.stop()
  await cluster.stop()
})

/** An installation with a prefix of its own in the bucket behind the proxy. */
async function installed(other: Partial<R2> = {}) {
  const prefix = `night${++prefixes}`
  const { endpoint } = proxy
  const { bucket, accessKeyId, secretAccessKey } = { ...r2, ...other }
  const access = { access_key_id: accessKeyId, secret_access_key: secretAccessKey }
  const here = await install(cluster.target, {
    config: {
      store: { type: 's3', endpoint, bucket, prefix, ...access },
      dump: { cutter: { min: '16KiB', average: '64KiB', max: '256KiB' } },
    },
    wrapStore: () =>
      openStore(
        {
          ...{ type: 's3', endpoint, bucket, accessKeyId, secretAccessKey, region: 'auto' },
          ...{ prefix, bandwidthBytesPerSecond: null },
        } as never,
        // Pauses between tries last no time here: what lasts is given up soon, and no machine is too slow for what passes.
        { clock: manualClock(undefined, { skipSleeps: true }), timeouts: { totalMs: 60_000 } },
      ),
  })
  installations.push(here)
  const stored = async (part: string): Promise<string[]> => {
    const keys: string[] = []
    for await (const { key } of s3Store(r2).list(`${prefix}/`)) if (key.includes(part)) keys.push(key)
    return keys
  }
  return { here, stored }
}

/** Everything failed for one reason, said everywhere in the same words. */
async function expectFailedNight(
  { here, stored }: Awaited<ReturnType<typeof installed>>,
  code: ErrorCode,
  hint: RegExp,
) {
  const { run, failure, report } = await here.night()
  expect([run.outcome, failure?.code]).toEqual(['failed', 'partial'])
  expect(report?.failed.map(one => one.subject).sort()).toEqual(SUBJECTS)
  for (const { failure: told } of report?.failed ?? []) {
    expect(told.code).toBe(code)
    expect(told.hint).toMatch(hint)
  }
  const events = here.events('backup-failed')
  expect(events.map(event => event.subject).sort()).toEqual(SUBJECTS)
  for (const event of events)
    expect(event.facts).toMatchObject({ error: { code, hint: expect.stringMatching(hint) } })
  expect(here.app.journal.run(run.id)).toMatchObject({ outcome: 'failed', error: { code: 'partial' } })
  expect(here.events('backup-committed')).toEqual([])
  expect(await stored('/manifests/')).toEqual([])
}

async function expectGreenNight({ here, stored }: Awaited<ReturnType<typeof installed>>, manifests = 4) {
  const { run, report } = await here.night()
  expect(report?.failed).toEqual([])
  expect(run.outcome).toBe('succeeded')
  expect(report?.succeeded.map(one => one.subject).sort()).toEqual(SUBJECTS)
  expect(await stored('/manifests/')).toHaveLength(manifests)
  return report?.succeeded ?? []
}

const always = (effect: HttpEffect, path = /./, method?: string): void =>
  proxy.add({ effect, path, times: FOR_EVER, ...(method ? { method } : {}) })

describe('trouble that lasts a night', () => {
  it('down from the start: nothing is stored, and the next night is whole', async () => {
    const world = await installed()
    always({ reset: 'before' })
    const { report, run, failure } = await world.here.night()
    proxy.heal()
    expect([run.outcome, failure?.code]).toEqual(['failed', 'partial'])
    for (const { failure: told } of report?.failed ?? []) {
      expect(told.code).toBe('store-unreachable')
      expect(told.hint).toMatch(/endpoint|network/)
      expect(told.message).toMatch(/given up after \d+ attempts/)
    }
    expect(world.here.events('backup-failed')).toHaveLength(4)
    expect(await world.stored('')).toEqual([])
    await expectGreenNight(world)
  })

  it('down midway: what was stored by then is used the next night', async () => {
    const world = await installed()
    proxy.add({ method: 'PUT', path: /acme.*chunks/, nth: 3, times: FOR_EVER, effect: { reset: 'before' } })
    const { report, run } = await world.here.night()
    expect(run.outcome).toBe('partial')
    expect(report?.failed.map(one => [one.subject, one.failure.code])).toEqual([
      ['tenants/acme', 'store-unreachable'],
    ])
    expect(world.here.events('backup-failed').map(event => event.subject)).toEqual(['tenants/acme'])
    expect(await world.stored('acme/backups/manifests')).toEqual([])
    proxy.heal()
    const there = (await world.stored('acme/backups/chunks')).length
    expect(there).toBeGreaterThan(0)
    const green = await expectGreenNight(world, 7)
    const acme = green.find(one => one.subject === 'tenants/acme')
    expect(acme?.stored.newChunks).toBe(acme!.chunks.length - there)
    expect(await world.stored('acme/backups/chunks')).toHaveLength(acme!.chunks.length)
  })

  it('429 without end: store-busy', async () => {
    const world = await installed()
    always({ status: 429, body: errorBody('TooManyRequests') }, /chunks/, 'PUT')
    await expectFailedNight(world, 'store-busy', /concurrency|wait/)
    proxy.heal()
    await expectGreenNight(world)
  })

  it('5xx without end: store-unreachable', async () => {
    const world = await installed()
    always({ status: 500, body: errorBody('InternalError') }, /manifests/, 'PUT')
    await expectFailedNight(world, 'store-unreachable', /endpoint|network/)
    expect((await world.stored('/chunks/')).length).toBeGreaterThan(3)
    proxy.heal()
    const green = await expectGreenNight(world)
    // The roles' script has an instant in it; the databases have not changed.
    expect(green.slice(1).map(one => one.stored.newChunks)).toEqual([0, 0, 0])
  })

  it('full: said as such, nothing is deleted, and not tried again', async () => {
    const world = await installed()
    always({ status: 507, body: errorBody('InsufficientStorage') }, /chunks/, 'PUT')
    await expectFailedNight(world, 'store-full', /free space/)
    expect(proxy.requests.filter(one => one.method === 'DELETE')).toEqual([])
    proxy.heal()
    await expectGreenNight(world)
  })
})

describe('trouble that passes', () => {
  const passing: [string, () => void][] = [
    [
      '429 now and then',
      () =>
        proxy.add({
          times: 5,
          effect: { status: 429, body: errorBody('SlowDown'), headers: { 'retry-after': '1' } },
        }),
    ],
    ['5xx now and then', () => proxy.add({ method: 'PUT', times: 4, effect: { status: 503 } })],
    ['slow', () => proxy.add({ times: 12, effect: { delayMs: 400 } })],
    ['bodies cut', () => proxy.add({ method: 'GET', nth: 3, times: 3, effect: { cutAt: 10 } })],
    ['connections cut', () => proxy.add({ nth: 2, times: 4, effect: { reset: 'before' } })],
  ]
  it.each(passing)('%s: a green night', async (_, trouble) => {
    const world = await installed()
    trouble()
    await expectGreenNight(world)
    await churn(cluster.target, 'acme', 0.01)
    trouble()
    const second = await expectGreenNight(world, 8)
    expect(second.find(one => one.subject === 'tenants/globex')?.stored.newChunks).toBe(0)
    const { proof } = await world.here.restore('acme', `again ${prefixes}`)
    expect(proof.differences).toEqual([])
  })

  it('done, but the answer lost: keys, leases, chunks and manifests count as what they are, once', async () => {
    const world = await installed()
    for (const path of [/key\.age/, /leases/, /chunks/, /manifests/])
      proxy.add({ method: 'PUT', path, times: 2, effect: { reset: 'after' } })
    await expectGreenNight(world)
    expect(world.here.events('backup-committed')).toHaveLength(4)
    expect(world.here.events('backup-failed')).toEqual([])
    expect((await world.here.restore('acme', `lost ${prefixes}`)).proof.differences).toEqual([])
  })
})

describe('credentials and names that are wrong', () => {
  it.each([
    ['the key id', { accessKeyId: 'a'.repeat(32) }, 'store-denied', /access key id|token|secret/],
    ['the secret', { secretAccessKey: 'b'.repeat(64) }, 'store-denied', /secret access key|token/],
    ['the bucket', { bucket: 'elsewhere' }, 'store-missing', /bucket/],
  ] as const)('%s: refused at once, with what to check', async (_, other, code, hint) => {
    const world = await installed(other)
    await expectFailedNight(world, code, hint)
    const { exitCode, stderr, stdout } = await world.here.cli('backup', 'acme')
    expect(exitCode).toBe(6)
    expect(`${stdout}${stderr}`).toMatch(new RegExp(code))
    expect(`${stdout}${stderr}`).toMatch(hint)
  })

  it.each([
    [401, 'Unauthorized', /endpoint is the right account/],
    [403, 'AccessDenied', /token may read and write/],
  ] as const)('%s midway: store-denied, and the next night is whole', async (status, code, hint) => {
    const world = await installed()
    always({ status, body: errorBody(code) }, /chunks/, 'PUT')
    await expectFailedNight(world, 'store-denied', hint)
    proxy.heal()
    await expectGreenNight(world)
  })
})

function errorBody(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>no</Message></Error>`
}
