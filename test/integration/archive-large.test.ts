// Sizes that a small test never meets: members over 8 GiB, archives of very many members, many tenants. Small by default;
// ARCHIVE_GIB=9 ARCHIVE_FILE_MIB=6144 ARCHIVE_MEMBERS=120000 is all of it (1000000 for the memory alone, `-t memory`), and
// ARCHIVE_TENANTS=20 ARCHIVE_FILES=10000 ARCHIVE_SCANS_KB=400 for the tenants, of whom the first has scans of that size.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { subjectNamed } from '../../src/domain/subject.js'
import { extractArchive } from '../../src/jobs/extract-archive.js'
import { FRAME_BYTES } from '../../src/seal/frames.js'
import { type TarMember, tarStream } from '../../src/seal/tar.js'
import { directoryStore } from '../../src/store/directory.js'
import type { Store } from '../../src/store/port.js'
import { systemClock } from '../../src/sys/clock.js'
import {
  applicationFile,
  archiveBytes,
  archiveMonth,
  entriesOf,
  placeOf,
  sumsBelow,
  unpack,
} from '../kit/archives.js'
import { type Cluster, startCluster, temporaryFolder } from '../kit/cluster.js'
import { type Installation, install } from '../kit/installation.js'
import type { ManyFiles } from '../kit/many-files.js'
import { memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import { ACME, never, testRepository } from '../kit/repository.js'

const MANY_FILES = new URL('../../dist/test/kit/many-files.js', import.meta.url).pathname
const GIB = 1024 ** 3
const MIB = 1024 ** 2
const of = (name: string, fallback: number) => Number(process.env[name] ?? fallback)

let folder: { path: string; remove(): Promise<void> }
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder.remove())

describe('a member of 9 GiB', () => {
  const whole = of('ARCHIVE_GIB', 0) > 0
  const bytes = 9 * GIB + 1

  async function* members(): AsyncGenerator<TarMember> {
    const zeros = new Uint8Array(MIB)
    const body = function* () {
      for (let left = bytes; left > 0; left -= MIB) yield zeros.subarray(0, Math.min(MIB, left))
    }
    yield { name: 'large', bytes, modifiedAt: new Date('2045-01-01T00:00:00Z'), body: body() }
    yield { name: 'after it', bytes: 3, modifiedAt: new Date(0), body: [Buffer.from('end')] }
  }

  /** Unless all of it is asked for, the program sees the beginning: the header is what is in question. */
  async function* beginning(): AsyncGenerator<Uint8Array> {
    let given = 0
    for await (const part of tarStream(members(), () => {})) {
      yield part
      given += part.length
      if (!whole && given > 4 * MIB) return
    }
  }

  it.each(['tar', 'bsdtar'])(
    'is listed by %s with its size and its date',
    async program => {
      const child = spawn(program, ['-tvf', '-'], { env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } })
      const said: Buffer[] = []
      child.stdout.on('data', part => said.push(part))
      const ended = once(child, 'close')
      await pipeline(Readable.from(beginning()), child.stdin).catch(() => {})
      await ended
      const text = Buffer.concat(said).toString()
      expect(text).toContain(String(bytes))
      expect(text).toMatch(/2045/)
      if (whole) expect(text).toContain('after it')
    },
    600_000,
  )
})

it('a large file of the application is streamed: whole afterwards, and memory does not grow with it', async () => {
  const bytes = of('ARCHIVE_FILE_MIB', 24) * MIB + 17
  const path = join(folder.path, 'store-of-large')
  mkdirSync(path)
  const repository = testRepository(directoryStore({ path, create: false, clock: systemClock }))
  const block = noise(MIB, 6)
  const modifiedAt = new Date('2026-01-01T00:00:00Z')
  const [version, key] = ['v', `${ACME}/documents/large.bin`]
  // Each piece begins with where it is, so that no two are alike.
  const piece = (start: number, length: number): Uint8Array => {
    const body = new Uint8Array(length)
    for (let at = 0; at < length; at += MIB) body.set(block.subarray(0, Math.min(MIB, length - at)), at)
    if (length >= 8) new DataView(body.buffer).setBigUint64(0, BigInt(start))
    return body
  }
  const files: Store = {
    ...memoryStore(),
    list: async function* () {
      yield { key, bytes, modifiedAt, version }
    },
    getRange: async (_key, { start, bytes: asked }) => {
      const body = piece(start, Math.min(asked, bytes - start))
      return { body, totalBytes: bytes, version, modifiedAt }
    },
  }
  let peak = 0
  const before = process.memoryUsage().rss
  const watching = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss - before)
  }, 200)
  const index = await archiveBytes(repository, files)
  clearInterval(watching)
  const entry = (await entriesOf(placeOf(repository))).find(one => one.name === 'documents/large.bin')
  const hash = createHash('sha256')
  for (let start = 0; start < bytes; start += 4 * MIB)
    hash.update(piece(start, Math.min(4 * MIB, bytes - start)))
  expect(entry).toMatchObject({ bytes, sha256: hash.digest('hex') })
  expect(index.archive.bytes).toBeGreaterThan(bytes)
  console.info(`${bytes} bytes archived and read back, ${Math.round(peak / 1e6)} MB more of memory at most`)
  await repository.close()
  rmSync(path, { recursive: true })
}, 1_800_000)

it('very many members are unpacked, every sum right', async () => {
  const count = of('ARCHIVE_MEMBERS', 3_000)
  const repository = testRepository(memoryStore())
  const content = (n: number) => Buffer.from(`content of ${n}\n`)
  const modifiedAt = new Date('2026-01-01T00:00:00Z')
  const files: Store = {
    ...memoryStore(),
    list: async function* (prefix) {
      for (let n = 0; n < count; n++)
        yield { key: `${prefix}${n % 100}/${n}`, bytes: content(n).length, modifiedAt, version: 'v' }
    },
    getRange: async key => {
      const body = content(Number(key.split('/').pop()))
      return { body, totalBytes: body.length, version: 'v', modifiedAt }
    },
  }
  const index = await archiveBytes(repository, files)
  await repository.close()
  expect(index.members).toBe(count + 5)
  const [archive, identity] = [join(folder.path, 'many.age'), join(folder.path, 'many.txt')]
  writeFileSync(archive, (await repository.store.get(`${ACME}/archives/2026-12.tar.zst.age`)).body)
  writeFileSync(identity, repository.recovery)
  await unpack(archive, { identity, into: join(folder.path, 'many') })
  expect(Object.keys(sumsBelow(join(folder.path, 'many')))).toHaveLength(count + 5)
}, 600_000)

it('many files are archived, verified, shown and one is taken out; from 100,000 on memory has a bound', async () => {
  const count = of('ARCHIVE_MEMBERS', 3_000)
  const here = await temporaryFolder()
  onTestFinished(() => here.remove())
  // As PM2 starts the daemon.
  const { stdout } = await execa(process.execPath, [
    '--max-semi-space-size=2',
    MANY_FILES,
    String(count),
    here.path,
  ])
  const figures: ManyFiles = JSON.parse(stdout)
  expect(figures).toMatchObject({ members: count + 5, verified: count + 5, shown: count + 5 })
  console.info(JSON.stringify(figures))
  // What fewer would need is lost in what the process has anyway.
  if (count < 100_000) return
  for (const megabytes of Object.values(figures.peakMegabytes)) expect(megabytes).toBeLessThan(300)
}, 3_600_000)

describe('many tenants', () => {
  const tenants = Array.from({ length: of('ARCHIVE_TENANTS', 3) }, (_, n) => `tenant${n}`)
  const filesEach = Math.ceil(of('ARCHIVE_FILES', 60) / tenants.length)
  const scanBytes = of('ARCHIVE_SCANS_KB', 20) * 1000
  let cluster: Cluster
  let here: Installation

  beforeAll(async () => {
    cluster = await startCluster()
    await cluster.createDatabase({ name: 'gmah_master', sql: 'CREATE TABLE organisations ()' })
    const sql = 'CREATE TABLE items AS SELECT n, md5(n::text) AS body FROM generate_series(1, 500) AS n'
    const [first = '', ...others] = tenants.map(tenant => `gmah_org_${tenant}`)
    await cluster.createDatabase({ name: first, sql })
    for (const name of others) await cluster.createDatabase({ name, like: first })
    for (const [at, tenant] of tenants.entries())
      await cluster.sql(`gmah_org_${tenant}`, `INSERT INTO items VALUES (-1, '${tenant}'), (-2, '${at}')`)
    here = await install(cluster.target)
    for (const [at, tenant] of tenants.entries())
      for (let n = 0; n < filesEach; n++) {
        const bytes = at === 0 ? scanBytes : 500 + ((at * n) % 20_000)
        applicationFile(here, `tenants/${tenant}/uploads/${n % 10}/${n}`, noise(bytes, at * 100_000 + n))
      }
    expect((await here.night()).run.outcome).toBe('succeeded')
    const { run } = await archiveMonth(here, '2026-12')
    expect(run.facts).toMatchObject({ archived: tenants.length + 1, failed: 0, missing: 0 })
  }, 600_000)

  afterAll(async () => {
    await here.remove()
    await cluster.stop()
  })

  const contentOf = (database: string) =>
    cluster.sql(
      database,
      "SELECT count(*)::text AS rows, md5(string_agg(items::text, ',' ORDER BY n)) AS sum FROM items",
    )

  it('each opens alone with stock programs, holds what the tenant had, and gives its database back', async () => {
    const { host, port, user } = cluster.target
    const env = { PGHOST: host, PGPORT: String(port), PGUSER: user ?? '' }
    for (const tenant of tenants) {
      const into = join(folder.path, tenant)
      const archive = join(here.storeFolder, `tenants/${tenant}/archives/2026-12.tar.zst.age`)
      await unpack(archive, { identity: here.recoveryIdentityFile, into })
      const found = sumsBelow(join(into, 'uploads'))
      expect(found).toEqual(sumsBelow(join(here.storeFolder, `tenants/${tenant}/uploads`)))
      expect(Object.keys(found)).toHaveLength(filesEach)
      expect(readFileSync(join(into, 'manifest.json'), 'utf8')).toContain(`"tenants/${tenant}"`)
      const database = `by_hand_${tenant}`
      await execa('createdb', ['--template', 'template0', database], { env })
      const options = ['--exit-on-error', '--single-transaction', '--dbname', database]
      await execa('pg_restore', [...options, join(into, 'database.dump')], { env })
      expect(await contentOf(database)).toEqual(await contentOf(`gmah_org_${tenant}`))
    }
  }, 600_000)

  it('one document is fetched by its index: a frame or two of the archive, and of the index no more than there is', async () => {
    const { repository } = here.parts()
    const read = { archive: 0, index: 0 }
    const store: Store = {
      ...repository.store,
      getRange: async (key, ...how) => {
        const piece = await repository.store.getRange(key, ...how)
        read[key.endsWith('.json.age') ? 'index' : 'archive'] += piece.body.length
        return piece
      },
    }
    const member = `uploads/${(filesEach - 1) % 10}/${filesEach - 1}`
    const file = join(folder.path, 'document')
    const request = { subject: subjectNamed('tenant0'), archive: '2026-12', member, file }
    const context = { run: 'aaaaaaaaaaaa' as never, signal: never, emit: () => {} }
    const { bytes } = await extractArchive(
      { ...here.parts(), repository: { ...repository, store } },
      request,
      context,
    )
    expect(readFileSync(file).equals(readFileSync(join(here.storeFolder, `tenants/tenant0/${member}`)))).toBe(
      true,
    )
    const size = async (key: string) => (await repository.store.head(key))?.bytes ?? 0
    const archiveBytes = await size(`tenants/tenant0/archives/2026-12.tar.zst.age`)
    const indexBytes = await size(`tenants/tenant0/archives/2026-12.json.age`)
    const figures = { bytes, archiveBytes, archiveRead: read.archive, indexBytes, indexRead: read.index }
    console.info(JSON.stringify(figures))
    const frames = Math.ceil(bytes / FRAME_BYTES) + 1
    expect(read.archive).toBeLessThan(frames * FRAME_BYTES * 1.05 + 3 * 65_552)
    // Found, and its frames looked up: its head is read a third time.
    expect(read.index).toBeLessThan(2 * indexBytes + 3 * 65_552)
    if (archiveBytes > 150 * MIB) expect(read.archive).toBeLessThan(archiveBytes / 100)
  })
})
