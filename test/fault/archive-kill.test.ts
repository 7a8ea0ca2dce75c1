// The program killed with -9 at random instants of an archive: no half archive is ever visible, whatever is visible is whole, and
// after the next run nothing half is left in the store either.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { subjectNamed } from '../../src/domain/subject.js'
import { verifyArchive } from '../../src/jobs/verify-archive.js'
import { listArchives } from '../../src/repository/archive-list.js'
import { s3Store } from '../../src/store/s3.js'
import { until } from '../kit/clock.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { editConfig, startCli } from '../kit/daemon.js'
import { dice } from '../kit/dice.js'
import { type FaultyHttp, faultyHttp } from '../kit/faulty-http.js'
import { type Installation, install } from '../kit/installation.js'
import { archiveOfManyFiles, FILES } from '../kit/long-index.js'
import { type R2, startR2 } from '../kit/r2.js'
import { never } from '../kit/repository.js'

/** ARCHIVE_KILLS=30 for all of it; ARCHIVE_SEED=… repeats the instants of a failure. */
const KILLS = Number(process.env.ARCHIVE_KILLS ?? 2)
const SEED = Number(process.env.ARCHIVE_SEED ?? Math.floor(Math.random() * 2 ** 31))
const roll = dice(SEED)
const ACME = subjectNamed('acme')

let cluster: Cluster
let r2: R2
let proxy: FaultyHttp
let here: Installation
/** How long an archive that is left alone lasts here and now. */
let archiveMs = 0

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.createDatabase({
    name: 'gmah_master',
    sql: 'CREATE TABLE organisations (id int PRIMARY KEY)',
  })
  const sql = 'CREATE TABLE letters AS SELECT n, md5(n::text) AS body FROM generate_series(1, 20000) AS n'
  await cluster.createDatabase({ name: 'gmah_org_acme', sql })
  r2 = await startR2()
  proxy = await faultyHttp(r2.endpoint)
  const { bucket, accessKeyId, secretAccessKey } = r2
  const access = { access_key_id: accessKeyId, secret_access_key: secretAccessKey }
  here = await install(cluster.target, {
    config: { store: { type: 's3', endpoint: proxy.endpoint, bucket, ...access } },
  })
  for (let n = 0; n < 10; n++) await s3Store(r2).put(`${ACME}/documents/${n}`, randomBytes(1024 * 1024))
  expect((await here.night()).run.outcome).toBe('succeeded')
  // The killed processes have a slow line: most instants are in the middle of the upload, or of reading it back.
  editConfig(here, config => Object.assign(config.store ?? {}, { bandwidth_mib_per_second: 6 }))
  expect(await archived()).toBe(0)
  const last = here.app.journal.runs({ job: 'archive', limit: 1 })[0]
  archiveMs = (last?.finishedAt?.getTime() ?? Number.NaN) - (last?.startedAt.getTime() ?? 0)
})

afterAll(async () => {
  await here.remove()
  await proxy.stop()
  await r2.stop()
  await cluster.stop()
})

const archived = async () =>
  (await startCli(here, 'archive', 'create', 'acme', '--month', '2026-12').ended).code

/** Of those the store gave out, the upload ids that were neither completed nor aborted. */
function uploadsLeft(): string[] {
  const ids = (method: string) =>
    new Set(
      proxy.requests
        .filter(one => one.method === method)
        .flatMap(one => new URL(one.url, 'http://x').searchParams.get('uploadId') ?? []),
    )
  const [parts, completed, aborted] = [ids('PUT'), ids('POST'), ids('DELETE')]
  return [...parts].filter(id => !completed.has(id) && !aborted.has(id))
}

const whole = new Set<string>()

/** Everything visible is whole. @returns how many there are, and how many of them count. */
async function look(): Promise<{ visible: number; counted: number }> {
  const archives = await listArchives(here.parts().repository.store, ACME)
  for (const one of archives.filter(archive => !whole.has(archive.name))) {
    expect(one.bytes).not.toBeNull()
    const context = { run: 'aaaaaaaaaaaa' as never, signal: never, emit: () => {} }
    await verifyArchive(here.parts(), { subject: ACME, archive: one.name }, context)
    whole.add(one.name)
  }
  return { visible: archives.length, counted: archives.filter(one => one.indexed).length }
}

test.each(Array.from({ length: KILLS }, (_, kill) => kill))(
  `kill %i (ARCHIVE_SEED=${SEED})`,
  async kill => {
    const before = await look()
    const share = (kill + roll()) / KILLS
    const process = startCli(here, 'archive', 'create', 'acme', '--month', '2026-12')
    let over = false
    void process.ended.then(() => {
      over = true
    })
    const own = () => here.app.journal.runs({ state: 'running' }).some(run => run.process.pid === process.pid)
    await until(() => own() || over)
    await Promise.race([process.ended, pause(share * archiveMs)])
    process.kill('SIGKILL')
    await process.ended
    await until(() => proxy.underWay() === 0)
    const after = await look()
    expect(after.counted - before.counted).toBeLessThanOrEqual(1)
    expect(await archived()).toBe(0)
    expect(uploadsLeft()).toEqual([])
    const next = await look()
    expect(next.counted).toBe(after.counted + 1)
    expect(here.app.journal.runs({ state: 'running' })).toEqual([])
  },
  300_000,
)

describe('an index of more than one part', () => {
  const CHILD = new URL('../../dist/test/kit/long-index.js', import.meta.url).pathname
  const MONTH = '2027-01'
  const INDEX = `${MONTH}(-\\d+)?\\.json\\.age`
  beforeAll(() =>
    editConfig(here, config => Object.assign(config.store ?? {}, { bandwidth_mib_per_second: 1000 })),
  )

  /** What the last run noted of the upload of an index: how it ended, or that it began. */
  const noted = () => {
    const [run] = here.app.journal.runs({ job: 'archive', limit: 1 })
    const own = here.events().filter(event => event.run === run?.id)
    return own.flatMap(({ type, facts }) => {
      if (type !== 'upload-started' && type !== 'upload-ended') return []
      return [`${facts.key.split('/').at(-1)} ${'outcome' in facts ? facts.outcome : 'started'}`]
    })
  }

  async function killedAt(
    method: string,
    query: string,
    reset: 'midway' | 'before' | 'after',
  ): Promise<void> {
    const child = spawn(process.execPath, [CHILD, here.configFile, 'acme', MONTH], { stdio: 'inherit' })
    const meanwhile = () => child.kill('SIGKILL')
    proxy.add({ method, path: new RegExp(`${INDEX}\\?.*${query}`), effect: { reset, meanwhile } })
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
    await until(() => proxy.underWay() === 0)
    proxy.heal()
  }
  const listed = async () => {
    const archives = await listArchives(here.parts().repository.store, ACME)
    return archives.flatMap(({ name, indexed }) => (name.startsWith(MONTH) ? [`${name} ${indexed}`] : []))
  }

  test('killed in the middle of its last part, and before its completion: it counts for nothing; the next one is whole', async () => {
    await killedAt('PUT', 'partNumber=2&', 'midway')
    expect(await listed()).toEqual(['2027-01 false'])
    expect(noted()).toEqual(['2027-01.json.age started'])
    expect(uploadsLeft()).toHaveLength(1)

    await killedAt('POST', 'uploadId=', 'before')
    expect(await listed()).toEqual(['2027-01-2 false', '2027-01 false'])
    expect(noted()).toEqual(['2027-01.json.age aborted', '2027-01-2.json.age started'])

    expect((await archiveOfManyFiles(here.app, 'acme', MONTH)).run.outcome).toBe('succeeded')
    expect(await listed()).toEqual(['2027-01-3 true', '2027-01-2 false', '2027-01 false'])
    expect(noted()).toEqual([
      '2027-01-2.json.age aborted',
      '2027-01-3.json.age started',
      '2027-01-3.json.age completed',
    ])
    expect(uploadsLeft()).toEqual([])
    const context = { run: 'aaaaaaaaaaaa' as never, signal: never, emit: () => {} }
    const { members } = await verifyArchive(here.parts(), { subject: ACME, archive: '2027-01-3' }, context)
    expect(members).toBeGreaterThan(FILES)
  })
})
