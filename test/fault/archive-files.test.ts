// The application's files are anyone's: any name, and they change and go while they are archived. What is sealed is never
// silently wrong, nothing leads out of the folder it is unpacked in, and what could not be had is said.
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ArchiveHead } from '../../src/domain/archive.js'
import { parseArchiveName } from '../../src/domain/archive-name.js'
import type { Failure } from '../../src/domain/errors.js'
import { drillArchives } from '../../src/jobs/drill-archives.js'
import type { JobContext, Parts } from '../../src/jobs/parts.js'
import type { Bench } from '../../src/jobs/scratch-bench.js'
import { readIndexHead } from '../../src/repository/archive-index.js'
import { readEntry, scanArchive } from '../../src/repository/archive-read.js'
import { openFile } from '../../src/seal/age-decrypt.js'
import { sealFile } from '../../src/seal/age-encrypt.js'
import { archiveIndexKey, archiveKey } from '../../src/store/keys.js'
import type { Store } from '../../src/store/port.js'
import { retrying } from '../../src/store/retrying.js'
import { archiveBytes, entriesOf, placeOf, sumsBelow, unpack } from '../kit/archives.js'
import { manualClock } from '../kit/clock.js'
import { temporaryFolder } from '../kit/cluster.js'
import { faultyStore } from '../kit/faulty-store.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { ACME, never, type TestRepository, testRepository } from '../kit/repository.js'
import { mountSmall } from '../kit/small-disk.js'
import { openState } from '../kit/state.js'

const NAME = parseArchiveName('2026-12')
const sha256 = (body: Uint8Array) => createHash('sha256').update(body).digest('hex')

let folder: { path: string; remove(): Promise<void> }
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder.remove())

async function inMemory(
  work: (repository: TestRepository, files: MemoryStore) => Promise<void>,
): Promise<void> {
  const repository = testRepository(memoryStore())
  try {
    await work(repository, memoryStore(undefined, { anyKeys: true }))
  } finally {
    await repository.close()
  }
}

/** The stored archive as a plain file, and an identity file for it. */
async function onDisk(
  repository: TestRepository,
  mark: string,
): Promise<{ archive: string; identity: string }> {
  const { body } = await repository.store.get(archiveKey(ACME, NAME))
  const at = { archive: join(folder.path, `${mark}.tar.zst.age`), identity: join(folder.path, `${mark}.txt`) }
  writeFileSync(at.archive, body)
  writeFileSync(at.identity, repository.recovery)
  return at
}

describe('names', () => {
  const ODD: Record<string, string> = {
    'line\nbreak': 'a',
    'back\\slash': 'b',
    '日本語/\u{1f600}': 'c',
    '../../../etc/passwd': 'd',
    'a/../b': 'e',
    'a//b': 'f',
    './c': 'g',
    'bell\u0007': 'h',
    'tab\there': 'i',
    'carriage\rreturn': 'j',
    folder: 'a file',
    'folder/inside': 'of the same name',
    'folder/deep/er': 'k',
    'marker/': '',
    ['x'.repeat(1024 - 'tenants/acme/documents/'.length)]: 'l',
    [`${'y'.repeat(250)}/${'z'.repeat(250)}/${'w'.repeat(250)}/${'v'.repeat(200)}`]: 'm',
    '-rf *': 'n',
    'other-names/000001': 'o',
    'trailing space ': 'p',
  }

  it.each(['tar', 'bsdtar'] as const)('any of them is unpacked by %s, and none leads out', tar =>
    inMemory(async (repository, files) => {
      for (const [name, text] of Object.entries(ODD))
        await files.put(`${ACME}/documents/${name}`, Buffer.from(text))
      const index = await archiveBytes(repository, files)
      expect(index.exceptions).toEqual([])
      const at = await onDisk(repository, tar)
      const into = join(folder.path, `deep-${tar}`, 'er', 'still')
      await unpack(at.archive, { identity: at.identity, into, tar })
      const found = sumsBelow(into)
      const manifest = JSON.parse(readFileSync(join(into, 'manifest.json'), 'utf8'))
      const renamed = new Map(
        manifest.otherNames.map((one: { key: string; name: string }) => [one.key, one.name]),
      )
      for (const [name, text] of Object.entries(ODD).filter(([name]) => !name.endsWith('/'))) {
        const member = renamed.get(`${ACME}/documents/${name}`) ?? `documents/${name}`
        expect([name, found[member as string]]).toEqual([name, sha256(Buffer.from(text))])
      }
      expect(Object.keys(sumsBelow(join(folder.path, `deep-${tar}`)))).toHaveLength(Object.keys(found).length)
      expect(renamed.size).toBe(9)
    }),
  )
})

describe('files that do not hold still', () => {
  /** A store in which something happens to a key when it is read from the given place on. */
  function restless(
    store: MemoryStore,
    key: string,
    fromStart: number,
    happen: (times: number) => Promise<unknown>,
  ): Store {
    let times = 0
    return {
      ...store,
      getRange: async (where, range, options) => {
        if (where === key && range.start >= fromStart) await happen(++times)
        return store.getRange(where, range, options)
      },
    }
  }

  const BIG = `${ACME}/documents/big`
  const MIB = 1024 * 1024

  async function fill(files: MemoryStore): Promise<void> {
    await files.put(`${ACME}/documents/a`, Buffer.from('before'))
    await files.put(BIG, randomBytes(9 * MIB))
    await files.put(`${ACME}/documents/z`, Buffer.from('after'))
  }

  async function contentOf(repository: TestRepository, index: ArchiveHead, name: string): Promise<string> {
    const entry = (await entriesOf(placeOf(repository))).find(one => one.name === name)
    if (!entry) return 'not there'
    const hash = createHash('sha256')
    for await (const part of readEntry(placeOf(repository), index, entry)) hash.update(part)
    return hash.digest('hex')
  }

  it('one that changed after the listing is archived as it is now, and said', () =>
    inMemory(async (repository, files) => {
      await fill(files)
      const changed = randomBytes(9 * MIB)
      const index = await archiveBytes(
        repository,
        restless(files, BIG, 0, times => (times === 1 ? files.put(BIG, changed) : Promise.resolve())),
      )
      expect(index.exceptions).toMatchObject([{ key: BIG, what: 'changed' }])
      expect(await contentOf(repository, index, 'documents/big')).toBe(sha256(changed))
    }))

  it('one that vanished is left out, and said inside too', () =>
    inMemory(async (repository, files) => {
      await fill(files)
      const index = await archiveBytes(
        repository,
        restless(files, BIG, 0, () => files.delete(BIG)),
      )
      expect(index.exceptions).toMatchObject([{ key: BIG, what: 'missing' }])
      const at = await onDisk(repository, 'vanished')
      const into = join(folder.path, 'vanished')
      await unpack(at.archive, { identity: at.identity, into })
      expect(JSON.parse(readFileSync(join(into, 'exceptions.json'), 'utf8'))).toEqual(index.exceptions)
      expect(Object.keys(sumsBelow(into)).filter(name => name.startsWith('documents/'))).toEqual([
        'documents/a',
        'documents/z',
      ])
    }))

  it('one that changes while it is read is read anew: what is unpacked is whole', () =>
    inMemory(async (repository, files) => {
      await fill(files)
      const changed = randomBytes(9 * MIB + 5)
      const index = await archiveBytes(
        repository,
        restless(files, BIG, 4 * MIB, times => (times === 1 ? files.put(BIG, changed) : Promise.resolve())),
      )
      expect(index.exceptions).toMatchObject([{ key: BIG, what: 'changed' }])
      for (const tar of ['tar', 'bsdtar'] as const) {
        const at = await onDisk(repository, `torn-${tar}`)
        const into = join(folder.path, `torn-${tar}`)
        await unpack(at.archive, { identity: at.identity, into, tar })
        expect(sumsBelow(into)['documents/big']).toBe(sha256(changed))
      }
      expect(await contentOf(repository, index, 'documents/big')).toBe(sha256(changed))
    }))

  it('a folder that got content meanwhile takes no other file its name', () =>
    inMemory(async (repository, files) => {
      const marker = `${ACME}/documents/sub/`
      await files.put(marker, Buffer.alloc(0))
      await files.put(`${marker}content`, Buffer.from('a file'))
      const put = () => files.put(marker, Buffer.from('not empty any more'))
      const index = await archiveBytes(repository, restless(files, marker, 0, put))
      expect(index.exceptions).toMatchObject([{ key: marker, what: 'missing' }])
      expect(await contentOf(repository, index, 'documents/sub/content')).toBe(sha256(Buffer.from('a file')))
    }))

  it.each([
    ['changes each time', (files: MemoryStore) => files.put(BIG, randomBytes(9 * MIB))],
    ['is deleted midway', (files: MemoryStore) => files.delete(BIG)],
  ])('one that %s is missing and never half: empty where all is unpacked, in no sum, and said', (_, happen) =>
    inMemory(async (repository, files) => {
      await fill(files)
      const index = await archiveBytes(
        repository,
        restless(files, BIG, 4 * MIB, () => happen(files)),
      )
      expect(index.exceptions).toMatchObject([{ key: BIG, what: 'missing' }])
      expect(await contentOf(repository, index, 'documents/big')).toBe('not there')
      const at = await onDisk(repository, 'never')
      const into = join(folder.path, `never-${_.replaceAll(' ', '-')}`)
      await unpack(at.archive, { identity: at.identity, into })
      expect(sumsBelow(into)['documents/big']).toBe(sha256(new Uint8Array()))
      expect(readFileSync(join(into, 'SHA256SUMS'), 'utf8')).not.toContain('documents/big')
    }),
  )

  it.each(['store-busy', 'store-unreachable', 'object-corrupt'] as const)('%s in mid-stream passes', code =>
    inMemory(async (repository, files) => {
      await fill(files)
      const faults = [{ on: 'getRange', key: /big/, nth: 2, times: 2, effect: { fail: code } } as const]
      const clock = manualClock(undefined, { skipSleeps: true })
      const index = await archiveBytes(repository, retrying(faultyStore(files, faults), { clock }))
      const entries = await entriesOf(placeOf(repository))
      expect([index.exceptions, entries.some(one => one.name === 'documents/big')]).toEqual([[], true])
    }),
  )

  it('a store that stays away fails the archive, and nothing of it is there', () =>
    inMemory(async (repository, files) => {
      await fill(files)
      const faults = [
        { on: 'getRange', key: /big/, nth: 2, times: Infinity, effect: { fail: 'store-denied' } } as const,
      ]
      const made = archiveBytes(repository, faultyStore(files, faults))
      expect(await made.catch(thrown => thrown.code)).toBe('store-denied')
      const keys: string[] = []
      for await (const one of repository.store.list(`${ACME}/archives/`)) keys.push(one.key)
      expect(keys).toEqual([])
    }))

  it('no files at all', () =>
    inMemory(async (repository, files) => {
      await archiveBytes(repository, files)
      expect((await entriesOf(placeOf(repository))).map(one => one.name)).toEqual([
        'README.txt',
        'manifest.json',
        'globals.sql',
        'database.dump',
        'SHA256SUMS',
      ])
    }))
})

describe('lists that are too long for memory', () => {
  /** Names that do not compress. */
  async function fill(files: MemoryStore): Promise<void> {
    for (let n = 0; n < 1_500; n++)
      await files.put(`${ACME}/documents/${randomBytes(40).toString('hex')}`, Buffer.of(n % 256))
  }

  it('wait on the disk, and leave nothing there', () =>
    inMemory(async (repository, files) => {
      await fill(files)
      const spoolFolder = join(folder.path, 'roomy')
      const index = await archiveBytes(repository, files, { spoolFolder })
      expect([index.members, readdirSync(spoolFolder)]).toEqual([1_505, []])
      const at = await onDisk(repository, 'long-lists')
      const into = join(folder.path, 'long-lists')
      await unpack(at.archive, { identity: at.identity, into })
      expect(Object.keys(sumsBelow(into))).toHaveLength(1_505)
    }))

  it('fail the archive when that disk is full: nothing of it is there, and with room it is made', context =>
    inMemory(async (repository, files) => {
      await fill(files)
      const spoolFolder = join(folder.path, 'small')
      mkdirSync(spoolFolder)
      if (!mountSmall(spoolFolder, 64)) return context.skip('only root may mount a small disk')
      const made = archiveBytes(repository, files, { spoolFolder })
      expect(await made.catch((thrown: Failure) => [thrown.code, thrown.message])).toEqual([
        'disk-full',
        `no room in ${spoolFolder}`,
      ])
      expect(
        [...(repository.store as MemoryStore).objects.keys()].filter(key => key.includes('/archives/')),
      ).toEqual([])
      const { members } = await archiveBytes(repository, files, { spoolFolder: join(folder.path, 'roomy') })
      expect(members).toBe(1_505)
    }))
})

describe('what is stored', () => {
  it('is read back: an archive that the store damaged has no index', () =>
    inMemory(async (repository, files) => {
      await files.put(`${ACME}/documents/a`, randomBytes(300_000))
      const store = faultyStore(repository.store, [{ on: 'putStream', effect: { flipBitAt: 1_000_000 } }])
      const made = archiveBytes({ ...repository, store }, files)
      expect(await made.catch((thrown: Failure) => thrown.code)).toBe('object-corrupt')
      expect(await repository.store.head(archiveIndexKey(ACME, NAME))).toBeNull()
    }))

  it('opens with the archive key alone where there is one', () =>
    inMemory(async (repository, files) => {
      const offline = testRepository(memoryStore())
      const { recipients } = offline.keyring
      await archiveBytes(repository, files, { recipients: recipients.slice(1) })
      expect(
        await readIndexHead(placeOf(repository)).catch((thrown: Failure) => [thrown.code, thrown.hint]),
      ).toEqual(['key-wrong', expect.stringContaining('--identity')])
      expect(await entriesOf({ ...placeOf(repository), identities: [offline.recovery] })).toHaveLength(5)
      await offline.close()
    }))

  it('is no failure of a drill when its key is kept elsewhere, and one when it is damaged; both are told', () =>
    inMemory(async (repository, files) => {
      const state = openState()
      const run = state.journal.startRun({ job: 'drill', trigger: 'manual' }).id
      const emit: JobContext['emit'] = event =>
        void state.journal.event({ run, subject: null, ...event } as never)
      const drill = () => {
        const { journal, clock } = state
        const parts = { repository, journal, clock } as unknown as Parts
        return drillArchives(parts, {} as Bench, () => true, { run, signal: never, emit })
      }
      const told = () =>
        state.journal
          .events({ types: ['archive-not-drilled'] })
          .map(one => (one.facts as { error: { code: string } }).error.code)
      const offline = testRepository(memoryStore())
      await archiveBytes(repository, files, { recipients: offline.keyring.recipients })
      expect([await drill(), told()]).toEqual([{ passed: 0, failed: [], waiting: 0 }, ['key-wrong']])
      const index = (repository.store as MemoryStore).objects.get(archiveIndexKey(ACME, NAME))
      index!.body.fill(0)
      const { failed } = await drill()
      expect([failed.map(one => one.why), told()]).toEqual([
        [expect.stringContaining('object-corrupt')],
        ['key-wrong', 'object-corrupt'],
      ])
      await offline.close()
    }))

  it('is found by an index on one line too, as older ones are', () =>
    inMemory(async (repository, files) => {
      await files.put(`${ACME}/documents/a`, Buffer.from('found'))
      const index = await archiveBytes(repository, files)
      const before = await entriesOf(placeOf(repository))
      const key = archiveIndexKey(ACME, NAME)
      const { body } = await repository.store.get(key)
      const json = JSON.parse(Buffer.from(await openFile(body, [repository.recovery])).toString('utf8'))
      expect([json.entries, json.archive, json.exceptions]).toEqual([before, index.archive, []])
      await repository.store.delete(key)
      await repository.store.put(
        key,
        await sealFile(Buffer.from(JSON.stringify(json)), repository.keyring.recipients),
      )
      expect(await readIndexHead(placeOf(repository))).toMatchObject({
        archive: index.archive,
        backup: index.backup,
      })
      expect(await entriesOf(placeOf(repository))).toEqual(before)
      const entry = before.find(one => one.name === 'documents/a')!
      const parts: Uint8Array[] = []
      for await (const part of readEntry(placeOf(repository), index, entry)) parts.push(part)
      expect(Buffer.concat(parts).toString()).toBe('found')
    }))

  it('is refused when a bit of it turns, by the index and by a whole reading', () =>
    inMemory(async (repository, files) => {
      await files.put(`${ACME}/documents/a`, randomBytes(300_000))
      const index = await archiveBytes(repository, files)
      const store = repository.store as MemoryStore
      const stored = store.objects.get(archiveKey(ACME, NAME))
      stored!.body[stored!.body.length - 100_000]! ^= 1
      const entry = (await entriesOf(placeOf(repository))).find(one => one.name === 'documents/a')!
      const read = async () => {
        for await (const _ of readEntry(placeOf(repository), index, entry));
      }
      expect(await read().catch((thrown: Failure) => thrown.code)).toBe('object-corrupt')
      const scan = async () => {
        for await (const member of scanArchive(placeOf(repository))) for await (const _ of member.content);
      }
      expect(await scan().catch((thrown: Failure) => thrown.code)).toBe('object-corrupt')
    }))

  it('gives one document for less than one percent of it', () =>
    inMemory(async (repository, files) => {
      for (let n = 0; n < 150; n++) await files.put(`${ACME}/documents/${n}`, randomBytes(1024 * 1024))
      await files.put(`${ACME}/documents/77`, randomBytes(300_000))
      const index = await archiveBytes(repository, files)
      const entry = (await entriesOf(placeOf(repository))).find(one => one.name === 'documents/77')!
      let bytes = 0
      const store: Store = {
        ...repository.store,
        getRange: async (...args) => {
          const piece = await repository.store.getRange(...args)
          bytes += piece.body.length
          return piece
        },
      }
      const hash = createHash('sha256')
      for await (const part of readEntry({ ...placeOf(repository), store }, index, entry)) hash.update(part)
      expect(hash.digest('hex')).toBe(sha256((await files.get(`${ACME}/documents/77`)).body))
      expect(bytes).toBeLessThan(index.archive.bytes / 100)
    }))
})
