// A bucket that the application fills too: what is not ours is never listed, read, written or deleted, whatever is done.
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { listManifests } from '../../src/repository/manifests.js'
import { s3Store } from '../../src/store/s3.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { DAY_MS } from '../kit/copies.js'
import { type FaultyHttp, faultyHttp } from '../kit/faulty-http.js'
import { type Installation, install } from '../kit/installation.js'
import { ageWaiting, makeOld, writeSmallPolicy } from '../kit/old-backups.js'
import { seedPlatform } from '../kit/platform/seed.js'
import { type R2, startR2 } from '../kit/r2.js'
import { ACME } from '../kit/repository.js'
import { auditStore } from '../kit/store-audit.js'

/** The application's objects: some of them look like ours. */
const STRANGERS = [
  'index.html',
  'tenants.csv',
  'tenants/acme/documents/contract.pdf',
  'tenants/acme/uploads/backups/chunks/aa/photo.jpg',
  'tenants/acme/backups.zip',
  'tenants/acme/backupsold/manifests/20261123T020000.000Z-scheduled-aaaaaaaaaaaa.json.zst.age',
  'tenants/umbrella/documents/backups/key.age',
  'tenants/umbrella/exports/2026.zip',
  'tenants/Not%2Gours/backups/key.age',
  'platform/masters/key.age',
  'platform/logo.svg',
  'platforms/master/key.age',
]
/** What the program may name: its own subjects, leases, and the names of the tenants' folders. */
const OURS =
  /^(tenants\/[^/]+\/backups\/(key\.age|(chunks|manifests|pins|proofs|waiting|departed)\/.*)|platform\/(master|globals)\/(key\.age|(chunks|manifests|pins|proofs|waiting|departed)\/.*)|platform\/(leases|damage)\/.+)$/

let cluster: Cluster
let r2: R2
let proxy: FaultyHttp
let here: Installation

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme'], megabytesPerTenant: 0.3 })
  r2 = await startR2()
  proxy = await faultyHttp(r2.endpoint)
  const { bucket, accessKeyId, secretAccessKey } = r2
  const access = { access_key_id: accessKeyId, secret_access_key: secretAccessKey }
  here = await install(cluster.target, {
    config: { store: { type: 's3', endpoint: proxy.endpoint, bucket, ...access } },
  })
  for (const key of STRANGERS) await s3Store(r2).put(key, Buffer.from(`the application's ${key}`))
})

afterAll(async () => {
  await here.remove()
  await proxy.stop()
  await r2.stop()
  await cluster.stop()
})

it('nights, restores, rebuilds and rotations ask for nothing of it', async () => {
  proxy.requests.length = 0
  for (let night = 0; night < 2; night++) expect((await here.night()).run.outcome).toBe('succeeded')
  await here.restore('acme', 'beside the strangers')
  for (const args of [
    ['catalogue', 'rebuild'],
    ['backups'],
    ['backup', 'export', 'acme', '--to', 'acme.dump'],
    ['keys', 'rotate', '--new-identity'],
    ['tenants'],
  ]) {
    expect([args, (await here.cli(...args)).exitCode]).toEqual([args, 0])
  }
  const asked = proxy.requests.map(request => ({ ...request, ...objectOf(request.url) }))
  expect(asked.length).toBeGreaterThan(50)
  for (const { method, key, prefix, delimiter } of asked) {
    if (key !== '') expect([method, key]).toEqual([method, expect.stringMatching(OURS)])
    else if (method === 'GET' && prefix === 'tenants/') expect(delimiter).toBe('/')
    else if (method === 'GET') expect(`${prefix}x`).toMatch(OURS)
    else expect(method).toBe('HEAD')
  }
  expect(asked.filter(one => one.method === 'DELETE' && !one.key.startsWith('platform/leases/'))).toEqual([])
  for (const key of STRANGERS)
    expect(Buffer.from((await s3Store(r2).get(key)).body).toString()).toBe(`the application's ${key}`)
})

it('archives list and read the three folders of one tenant, write beside its backups, and touch nothing else', async () => {
  proxy.requests.length = 0
  expect((await here.cli('archive', 'create', 'acme', '--month', '2026-12')).exitCode).toBe(0)
  const asked = proxy.requests.map(request => ({ ...request, ...objectOf(request.url) }))
  const folders = /^tenants\/acme\/(documents|uploads|exports)\//
  const read = asked.filter(one => folders.test(one.key || one.prefix))
  expect(read.map(one => one.method)).toEqual(read.map(() => 'GET'))
  expect(
    read
      .map(one => one.key)
      .filter(Boolean)
      .sort(),
  ).toEqual(STRANGERS.filter(key => folders.test(key)).sort())
  const written = asked.filter(one => one.method !== 'GET' && one.method !== 'HEAD')
  for (const { key } of written)
    expect(key).toMatch(/^(tenants\/acme\/archives\/2026-12\.|platform\/leases\/)/)
  const OUR_ARCHIVES = /^tenants\/acme\/archives\//
  for (const { key, prefix } of asked.filter(one => !folders.test(one.key || one.prefix))) {
    if (key + prefix !== '' && !OUR_ARCHIVES.test(key || prefix)) expect(key || `${prefix}x`).toMatch(OURS)
  }
})

const XML = (code: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>no</Message></Error>`
const LOCKED = { status: 403, body: XML('ObjectLockedByBucketPolicy') }

it('sweeps and checks list and delete nothing of it, and take what a bucket lock holds when it lets go', async () => {
  await here.reopen()
  const olds = await makeOld(here, { count: 3, seed: 1 })
  const [youngest, ...others] = olds.map(one => one.backup)
  writeSmallPolicy(here, 1)
  proxy.requests.length = 0
  proxy.add({
    method: 'DELETE',
    path: new RegExp(`manifests/.*${youngest}`),
    times: Infinity,
    effect: LOCKED,
  })
  const first = await here.cli('sweep')
  expect([first.exitCode, first.stdout]).toEqual([
    0,
    expect.stringContaining('1 locked until the bucket lets go'),
  ])
  const left = await heldManifests()
  expect([left.includes(youngest as never), left.filter(id => others.includes(id))]).toEqual([true, []])
  const plan = await here.cli('retention', 'plan', 'acme')
  expect(plan.stdout).toMatch(
    new RegExp(`${youngest} .* keep +locked \\(until the bucket lets go; refused on`),
  )

  // What waits is due: the bucket's own dates are what the proxy says they are.
  await ageWaiting(here)
  proxy.heal()
  const old = new Date(Date.now() - 10 * DAY_MS).toISOString()
  const garble = (body: Buffer): Buffer =>
    Buffer.from(body.toString().replace(/(<LastModified>)[^<]+/g, `$1${old}`))
  proxy.add({ method: 'GET', path: /prefix=[^&]*chunks/, times: Infinity, effect: { garble } })
  proxy.add({ method: 'DELETE', path: /chunks\//, effect: LOCKED })
  const second = await here.cli('sweep')
  expect([second.exitCode, second.stdout]).toEqual([
    0,
    expect.stringMatching(/^acme: 1 backup removed, \d+ chunks .*1 locked until/m),
  ])
  expect((await here.cli('sweep')).stdout).toMatch(/^acme: 0 backups removed, 1 chunk /m)
  proxy.heal()
  expect((await here.cli('check', '--read', 'all')).exitCode).toBe(0)

  const asked = proxy.requests.map(request => ({ ...request, ...objectOf(request.url) }))
  const UPLOADS = /^tenants\/[^/]+\/archives\/$|^platform\/(master|globals)\/archives\/$/
  for (const { method, key, prefix, delimiter, url } of asked) {
    if (key !== '') expect([method, key]).toEqual([method, expect.stringMatching(OURS)])
    else if (/[?&]uploads/.test(url)) expect(prefix).toMatch(UPLOADS)
    else if (method === 'GET' && prefix === 'tenants/') expect(delimiter).toBe('/')
    else if (method === 'GET' && prefix !== 'platform/probe-') expect(`${prefix}x`).toMatch(OURS)
  }
  const deleted = asked.filter(one => one.method === 'DELETE').map(one => one.key)
  expect(deleted.filter(key => key.includes(youngest ?? '-')).length).toBeGreaterThan(1)
  expect(deleted.filter(key => /chunks/.test(key)).length).toBeGreaterThan(3)
  const SWEPT =
    /^(tenants\/acme\/backups|platform\/(master|globals))\/(manifests|chunks|waiting)\/|^platform\/leases\//
  for (const key of deleted) expect(key).toMatch(SWEPT)
  expect(asked.filter(one => one.method === 'POST')).toEqual([])
  await auditStore(here.parts())
  for (const key of STRANGERS)
    expect(Buffer.from((await s3Store(r2).get(key)).body).toString()).toBe(`the application's ${key}`)
})

const heldManifests = async () =>
  (await listManifests(here.parts().repository.store, ACME)).map(name => name.backup)

it('with a prefix, nothing outside it is asked for at all', async () => {
  const config = parse(readFileSync(here.configFile, 'utf8'))
  writeFileSync(
    here.configFile,
    stringify({ ...config, store: { ...config.store, prefix: 'backups/of-gmah' } }),
  )
  await here.reopen()
  proxy.requests.length = 0
  expect((await here.night()).run.outcome).toBe('succeeded')
  expect((await here.cli('catalogue', 'rebuild')).exitCode).toBe(0)
  expect(proxy.requests.length).toBeGreaterThan(20)
  for (const { method, url } of proxy.requests) {
    const { key, prefix } = objectOf(url)
    // The bucket itself is looked at to tell a missing object from a missing bucket.
    if (method !== 'HEAD' || key !== '') expect(key || prefix).toMatch(/^backups\/of-gmah\//)
  }
})

/** Key of an object request; prefix and delimiter of a listing. */
function objectOf(url: string): { key: string; prefix: string; delimiter: string } {
  const { pathname, searchParams } = new URL(url, 'http://bucket')
  const bucket = `/s3/${r2.bucket}`
  const rest = pathname.slice(pathname.indexOf(bucket) + bucket.length)
  const of = (name: string): string => searchParams.get(name) ?? ''
  return {
    key: decodeURIComponent(rest.replace(/^\//, '')),
    prefix: of('prefix'),
    delimiter: of('delimiter'),
  }
}
