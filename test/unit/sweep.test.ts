// The sweep on a store in memory whose clock the test moves: what goes when, what never goes, and what is said of it.
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseArchiveName } from '../../src/domain/archive-name.js'
import { type BackupId, instantOf } from '../../src/domain/ids.js'
import type { Manifest } from '../../src/domain/manifest.js'
import { GLOBALS, type SubjectId, tenantSubject } from '../../src/domain/subject.js'
import type { Journal } from '../../src/jobs/journal.js'
import { pinBackup, unpinBackup } from '../../src/jobs/pin-backup.js'
import { viewRetention } from '../../src/jobs/view-retention.js'
import { listManifests, manifestName } from '../../src/repository/manifests.js'
import { putRecord } from '../../src/repository/records.js'
import { openTenantKey } from '../../src/repository/tenant-keys.js'
import {
  archiveKey,
  chunkKey,
  chunksPrefix,
  DAEMON_LEASE,
  damageKey,
  leaseKey,
  leaseProbeKey,
  manifestKey,
  pinKey,
  proofKey,
  storeProbeFolder,
  waitingPrefix,
} from '../../src/store/keys.js'
import { DAY_MS } from '../kit/copies.js'
import { type FakeClock, fakeClock } from '../kit/fake-clock.js'
import { type FaultyStore, faultyStore } from '../kit/faulty-store.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import { ACME, GLOBEX, readBack, testRepository } from '../kit/repository.js'
import { type Sweeping, sweeping } from '../kit/sweeping.js'

/** Two nights are kept. */
const TWO = { keep: { scheduled: { daily: 2 } }, minimum: 1, grace: '7d' }

const threads = testRepository(memoryStore())
let clock: FakeClock
let memory: MemoryStore
let store: FaultyStore
let here: Sweeping

beforeEach(async () => {
  clock = fakeClock('2026-11-01T01:30:00Z')
  memory = memoryStore(clock)
  store = faultyStore(memory)
  here = await sweeping(store, clock, TWO, threads)
})

afterEach(() => here.close())
afterAll(() => threads.close())

const HALF = noise(100_000, 1)
/** Half of every night is the same. */
const data = (night: number): Buffer => Buffer.concat([HALF, noise(100_000, 100 + night)])

/** A sweep, and the yes that it may ask for. */
async function yes() {
  const first = await here.sweep()
  if (first.failure?.code !== 'sweep-refused') return first
  return here.sweep({ yesRemove: Number(first.failure.facts.held) })
}

/** Nights of a subject, a day apart; the clock stands an hour after the last. */
async function nights(count: number, subject: SubjectId = ACME, from = 0): Promise<Manifest[]> {
  const made: Manifest[] = []
  for (let night = 0; night < count; night++) {
    if (night > 0) clock.pass(DAY_MS)
    made.push(await here.backUp(subject, data(from + night)))
  }
  return made
}

const ids = async (subject: SubjectId = ACME): Promise<string[]> =>
  (await listManifests(memory, subject)).map(one => one.backup).reverse()

const chunks = (subject: SubjectId = ACME): number =>
  [...memory.objects.keys()].filter(key => key.startsWith(chunksPrefix(subject))).length

const chunkIds = (manifest: Manifest | undefined) => manifest?.chunks.map(chunk => chunk.id) ?? []

const needed = (...manifests: (Manifest | undefined)[]): number => new Set(manifests.flatMap(chunkIds)).size

const except = (gone: readonly SubjectId[]): Set<SubjectId> =>
  new Set([...here.present].filter(subject => !gone.includes(subject)))

const pin = (manifest: Manifest | undefined): Promise<unknown> =>
  pinBackup(
    here.parts,
    { subject: ACME, backup: manifest?.backup ?? '', who: 'kim', why: 'the audit' },
    here.context(),
  )

async function eachRestores(manifests: readonly Manifest[], from: number): Promise<void> {
  const key = await openTenantKey(memory, here.repository.keyring, manifests[0]?.subject ?? ACME)
  for (const [at, manifest] of manifests.entries()) {
    expect((await readBack(here.repository, key, manifest)).equals(data(from + at))).toBe(true)
  }
}

describe('what goes', () => {
  test('manifests at once, with their reasons in the journal; chunks only when they have waited for the grace', async () => {
    const made = await nights(4)
    const before = chunks()
    const { run } = await here.sweep()
    expect(run.outcome).toBe('succeeded')
    expect(await ids()).toEqual([made[2]?.backup, made[3]?.backup])
    expect(chunks()).toBe(before)
    expect(here.events('backup-removal').map(event => event.facts)).toMatchObject([
      { backup: made[0]?.backup, reasons: ['beyond: 2026-11-01 is day 4, and 2 are kept'] },
      { backup: made[1]?.backup, reasons: ['beyond: 2026-11-02 is day 3, and 2 are kept'] },
    ])
    expect(here.parts.catalogue.list().map(entry => entry.id)).toEqual([made[3]?.backup, made[2]?.backup])

    clock.pass(6 * DAY_MS)
    await here.backUp(ACME, data(3))
    await here.sweep()
    expect(chunks()).toBe(before)

    clock.pass(DAY_MS)
    await here.backUp(ACME, data(3))
    await here.sweep()
    expect(chunks()).toBeLessThan(before)
    const last = here.events('chunk-removal').at(-1)
    expect(last?.facts.count).toBe(before - needed(made[2], made[3]))
    expect(last?.facts.chunks).toHaveLength(last?.facts.count ?? 0)
    await eachRestores([made[3] as Manifest], 3)
  })

  test('in the end nothing is left but what the kept ones need', async () => {
    await nights(6)
    await yes()
    for (let night = 0; night < 11; night++) {
      clock.pass(DAY_MS)
      await here.backUp(ACME, data(5))
      await here.sweep()
    }
    const left = await ids()
    expect(left).toHaveLength(2)
    const newest = await here.backUp(ACME, data(5))
    expect(chunks()).toBe(needed(newest))
  })

  test('records of what is gone go too, and the list of waiting chunks is one object', async () => {
    const made = await nights(4)
    const key = await openTenantKey(memory, here.repository.keyring, ACME)
    for (const manifest of made) {
      const proof = {
        ...{ format: 1, backup: manifest.backup, at: manifest.instant, level: 'read', outcome: 'passed' },
        ...{ loadSeconds: null, seconds: 1, tables: 1, rows: 1, differences: [], tool: 'x' },
      }
      await putRecord(
        memory,
        key,
        proofKey(ACME, manifest.backup, instantOf(new Date(manifest.instant))),
        proof,
      )
    }
    await here.sweep()
    await here.sweep()
    const left = (word: string) => [...memory.objects.keys()].filter(one => one.includes(word))
    expect(left('/proofs/')).toHaveLength(2)
    expect(left('/waiting/')).toHaveLength(1)
    const [told, ...more] = here.events('leftovers-removed')
    expect([told?.subject, told?.facts.keys.length, more]).toEqual([ACME, 2, []])
  })

  test('the mark of a bad chunk that no backup names any more goes with the chunk, not before', async () => {
    const made = await nights(4)
    const key = await openTenantKey(memory, here.repository.keyring, ACME)
    const chunk = chunkIds(made[0]).find(id => !chunkIds(made[3]).includes(id))
    if (!chunk) throw new Error('it has chunks of its own')
    const mark = { format: 1, chunk, at: clock.now().toISOString(), kind: 'corrupt', message: 'bad' }
    await putRecord(memory, key, damageKey(ACME, chunk), mark)
    await here.sweep()
    expect(await ids()).not.toContain(made[0]?.backup)
    expect(memory.objects.has(damageKey(ACME, chunk))).toBe(true)
    clock.pass(8 * DAY_MS)
    await here.backUp(ACME, data(3))
    await here.sweep()
    expect(memory.objects.has(chunkKey(ACME, chunk))).toBe(false)
    expect(memory.objects.has(damageKey(ACME, chunk))).toBe(false)
  })

  test('probes of processes that died, once they are old; what only looks like one stays', async () => {
    const old = [
      leaseProbeKey(leaseKey(ACME), 'aabbccddeeff'),
      leaseProbeKey(DAEMON_LEASE, '001122334455'),
      `${storeProbeFolder('0011223344556677')}one %2F+é`,
    ]
    const others = [
      'platform/leases/daemon.json.now-mine',
      'platform/leases/notes.now-aabbccddeeff',
      'platform/probe-notes/001122',
    ]
    for (const probe of [...old, ...others]) await memory.put(probe, noise(20, 1))
    clock.pass(2 * 3_600_000)
    const young = leaseProbeKey(leaseKey(ACME), '998877665544')
    await memory.put(young, noise(20, 1))
    await nights(1)
    await here.sweep()
    const left = [...memory.objects.keys()]
    expect(left).toEqual(expect.arrayContaining([...others, young]))
    expect(left.filter(one => old.includes(one))).toEqual([])
    expect(here.events('leftovers-removed').map(one => [...one.facts.keys].sort())).toEqual([[...old].sort()])
  })
})

describe('what stays', () => {
  test('a chunk that is needed again while it waits is stored anew, and never deleted', async () => {
    const made = await nights(4)
    await here.sweep()
    clock.pass(7.5 * DAY_MS)
    // The first night's data again, and no sweep since: its chunks are due, and the dump must not rely on them.
    const again = await here.backUp(ACME, data(0))
    const kept = new Set([...chunkIds(made[2]), ...chunkIds(made[3])])
    const waited = new Set(chunkIds(made[0]).filter(id => !kept.has(id)))
    expect(again.stored.newChunks).toBe(waited.size)
    await here.sweep()
    await eachRestores([again], 0)
    // Forgotten again: the old waiting does not count.
    await here.backUp(ACME, data(3))
    clock.pass(DAY_MS)
    await here.backUp(ACME, data(3))
    clock.pass(DAY_MS)
    await here.backUp(ACME, data(3))
    const before = chunks()
    await yes()
    expect(await ids()).not.toContain(again.backup)
    expect(chunks()).toBe(before)
  })

  test('what was stored a moment ago by a dump that died is left for a week after that', async () => {
    await nights(1)
    const key = chunkKey(ACME, 'ab'.repeat(32) as Parameters<typeof chunkKey>[1])
    await memory.put(key, noise(500, 7))
    await here.sweep()
    expect(memory.objects.has(key)).toBe(true)
    clock.pass(7.1 * DAY_MS)
    await here.backUp(ACME, data(0))
    // Stored again by another that died: it is young, though it has been waiting for long.
    await memory.put(key, noise(500, 7))
    await here.sweep()
    expect(memory.objects.has(key)).toBe(true)
    clock.pass(7.1 * DAY_MS)
    await here.backUp(ACME, data(0))
    await here.sweep()
    expect(memory.objects.has(key)).toBe(false)
  })

  test('a pinned one, until it is unpinned', async () => {
    const made = await nights(3)
    const request = { subject: ACME, backup: made[0]?.backup ?? '', who: 'kim' }
    await pinBackup(here.parts, { ...request, why: 'the audit' }, here.context())
    await expect(pinBackup(here.parts, { ...request, why: 'x' }, here.context())).rejects.toMatchObject({
      code: 'store-conflict',
    })
    await here.sweep()
    expect(await ids()).toHaveLength(3)
    await unpinBackup(here.parts, request, here.context())
    await here.sweep()
    expect(await ids()).toHaveLength(2)
  })

  test('everything of a tenant whose last run failed, and of one without a fresh backup', async () => {
    await nights(4)
    here.fail(ACME)
    await here.sweep()
    expect(await ids()).toHaveLength(4)
    await here.backUp(ACME, data(3))
    clock.pass(9 * DAY_MS)
    await here.sweep()
    expect(await ids()).toHaveLength(5)
  })

  test('not of one that was refused because another run had it: the run before counts', async () => {
    await nights(4)
    here.fail(ACME)
    here.fail(ACME, 'subject-busy')
    await here.sweep()
    expect(await ids()).toHaveLength(4)
    await here.backUp(ACME, data(4))
    here.fail(ACME, 'subject-busy')
    here.fail(ACME, 'subject-busy')
    await here.sweep({ yesRemove: 3 })
    expect(await ids()).toHaveLength(2)
  })

  test('every chunk, while one manifest cannot be opened; and it is said; and what is said of that one', async () => {
    const made = await nights(4)
    await pin(made[3])
    await here.sweep()
    clock.pass(8 * DAY_MS)
    await here.backUp(ACME, data(3))
    const before = chunks()
    await memory.put(manifestKey(manifestName(made[3] as Manifest)), Buffer.from('not an age file'))
    const { run } = await here.sweep()
    expect(run.outcome).toBe('partial')
    expect(chunks()).toBe(before)
    expect(here.events('chunks-protected')).toHaveLength(1)
    expect(here.events('chunks-protected')[0]?.facts.reason).toContain(made[3]?.backup)
    expect(await ids()).toContain(made[3]?.backup)
    expect(memory.objects.has(pinKey(ACME, made[3]?.backup as BackupId))).toBe(true)
  })

  test('what is said of backups, when no manifest is there: they may come back by other hands', async () => {
    const [one] = await nights(1)
    await pin(one)
    const manifest = manifestKey(manifestName(one as Manifest))
    memory.objects.delete(manifest)
    const { run } = await here.sweep()
    expect(run.outcome).toBe('partial')
    expect(memory.objects.has(pinKey(ACME, one?.backup as BackupId))).toBe(true)
  })

  test('the newest sound one, when newer ones name a damaged chunk', async () => {
    const made = await nights(4)
    const key = await openTenantKey(memory, here.repository.keyring, ACME)
    for (const manifest of made.slice(1)) {
      const chunk = manifest.chunks.at(-1)?.id
      if (!chunk) throw new Error('it has chunks')
      const mark = { format: 1, chunk, at: manifest.instant, kind: 'missing', message: 'gone' }
      await putRecord(memory, key, damageKey(ACME, chunk), mark)
    }
    await here.sweep()
    const left = await ids()
    expect(left).toContain(made[0]?.backup)
    expect(left).not.toContain(made[1]?.backup)
  })

  test('strangers’ files, all of them, though every prefix has some', async () => {
    await nights(4)
    const strange = [
      ...['tenants/acme/documents/a.pdf', 'tenants/acme/backups.zip', 'tenants/acme/backups/README', 'x/y'],
      ...[
        'tenants/acme/backups/chunks/ab/notes.txt',
        'tenants/acme/backups/manifests/mine.json',
        'platform/x',
      ],
      ...['tenants/acme/backups/chunks-old/ab/1', 'tenants/other/uploads/1', 'platform/globals-of-mine/1'],
    ]
    for (const key of strange) await memory.put(key, noise(300, 3))
    for (let week = 0; week < 3; week++) {
      await here.sweep()
      clock.pass(8 * DAY_MS)
      await here.backUp(ACME, data(3))
    }
    for (const key of strange) expect(memory.objects.has(key)).toBe(true)
    const ours = /^(tenants\/acme\/backups\/|platform\/|tenants\/$)/
    expect(
      store.calls.filter(
        call =>
          !ours.test(call.key) &&
          call.key !== 'tenants/other/backups/key.age' &&
          !call.key.startsWith('tenants/other/backups/'),
      ),
    ).toEqual([])
  })
})

describe('the fuse', () => {
  test('more than its share of one tenant waits for a yes; the others are swept', async () => {
    await nights(10)
    clock.set('2026-11-08T01:30:00Z')
    await nights(3, GLOBEX)
    here.setPolicy({ ...TWO, fuse: { percent: 50, backups: 100 } })
    for (let other = 0; other < 30; other++) await here.backUp(GLOBEX, data(2))
    here.setPolicy({
      ...TWO,
      keep: { scheduled: { daily: 2, last: 40 } },
      tenants: { acme: { scheduled: { daily: 2 } } },
      fuse: { percent: 50, backups: 100 },
    })
    const { run, report } = await here.sweep()
    expect(run.outcome).toBe('partial')
    expect(report?.refused).toMatchObject([{ subject: ACME, remove: 8 }])
    expect(await ids()).toHaveLength(10)
    for (const yesRemove of [7, 9]) {
      const wrong = await here.sweep({ yesRemove })
      expect(wrong.failure).toMatchObject({ code: 'sweep-refused', facts: { held: 8 } })
    }
    expect(await ids()).toHaveLength(10)
    await here.sweep({ yesRemove: 8 })
    expect(await ids()).toHaveLength(2)
  })

  test('a policy that would remove more than a third of everything removes nothing', async () => {
    await nights(10)
    const { failure } = await here.sweep()
    expect(failure).toMatchObject({ code: 'sweep-refused', facts: { held: 8 } })
    expect(failure?.hint).toContain('sweep --yes-remove 8')
    expect(await ids()).toHaveLength(10)
    expect(here.events('sweep-refused')).toHaveLength(1)
  })
})

describe('departed tenants', () => {
  const OTHERS = ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map(name => tenantSubject(name, name).id)

  async function everybody(): Promise<void> {
    for (const subject of [GLOBALS, ...OTHERS]) await here.backUp(subject, HALF)
  }

  test('are held from the day they were found gone, on another machine too, then kept by their own rule', async () => {
    here.setPolicy({ ...TWO, departed: { hold: '90d', keep: { last: 1 } } })
    await nights(3)
    await everybody()
    const without = () => except([ACME])
    await here.sweep({ present: without() })
    expect(here.events('subject-departed')).toMatchObject([{ subject: ACME }])
    expect(await ids()).toHaveLength(3)

    // The machine is lost: another journal, another catalogue.
    const present = here.present
    await here.close()
    here = await sweeping(store, clock, { ...TWO, departed: { hold: '90d', keep: { last: 1 } } }, threads)
    for (const subject of present) here.present.add(subject)
    clock.pass(89 * DAY_MS)
    await here.sweep({ present: without() })
    expect(await ids()).toHaveLength(3)
    clock.pass(2 * DAY_MS)
    await here.sweep({ present: without() })
    expect(await ids()).toHaveLength(1)
    expect(here.events('subject-departed')).toEqual([])
  })

  test('that come back live again, and a second departure has a hold of its own', async () => {
    here.setPolicy({ ...TWO, departed: { hold: '90d', keep: { last: 1 } } })
    await nights(2)
    await everybody()
    const without = new Set([...here.present].filter(subject => subject !== ACME))
    await here.sweep({ present: without })
    clock.pass(80 * DAY_MS)
    await here.backUp(ACME, data(2))
    await here.sweep()
    clock.pass(20 * DAY_MS)
    await here.sweep({ present: without })
    expect(await ids()).toHaveLength(2)
    expect(here.events('subject-departed')).toHaveLength(2)
  })

  test('many that vanish at once are an accident: nobody departed', async () => {
    await nights(4)
    await everybody()
    const few = except([ACME, ...OTHERS.slice(0, 5)])
    const { run } = await here.sweep({ present: few })
    expect(run.outcome).toBe('succeeded')
    expect(await ids()).toHaveLength(4)
    expect(here.events('departures-doubted')).toMatchObject([
      { facts: { subjects: ['acme', 'b', 'c', 'd', 'e', 'f'] } },
    ])
    expect(here.events('subject-departed')).toEqual([])
  })

  test('nobody knows who departed while the server cannot be looked at: nothing goes', async () => {
    await nights(4)
    const { run } = await here.sweep({ present: 'the server could not be looked at: refused' })
    expect(run.outcome).toBe('partial')
    expect(await ids()).toHaveLength(4)
  })
})

test('a plan for people says what a sweep then does, and what it frees', async () => {
  const made = await nights(4)
  const before = chunks()
  const view = await viewRetention(here.parts, here.present, null, here.context().signal)
  const [acme] = view.subjects
  expect(acme).toMatchObject({ subject: ACME, remove: 2, protectedBecause: null })
  await here.sweep()
  clock.pass(7 * DAY_MS)
  await here.backUp(ACME, data(3))
  await here.sweep()
  const removed = here.events('chunk-removal').reduce((sum, event) => sum + event.facts.storedBytes, 0)
  expect(acme?.freedBytes).toBeLessThanOrEqual(removed)
  expect(acme?.nextRemoval?.toISOString().slice(0, 10)).toBe('2026-11-05')
  expect([before > chunks(), made.length]).toEqual([true, 4])
  expect([...memory.objects.keys()].filter(key => key.startsWith(waitingPrefix(ACME)))).toHaveLength(1)
})

test('an upload that a killed run left half is aborted, once', async () => {
  await nights(1)
  const key = archiveKey(ACME, parseArchiveName('2026-10'))
  const facts = { key, upload: 'left' }
  const journal = here.parts.journal as Journal
  journal.event({ type: 'upload-started', run: null, subject: ACME, facts })
  const aborted = () => store.calls.filter(one => one.operation === 'abortUpload').map(one => one.key)
  await here.sweep()
  expect(aborted()).toEqual([key])
  expect(here.events('upload-ended')).toMatchObject([{ facts: { ...facts, outcome: 'aborted' } }])
  await here.sweep()
  expect(aborted()).toEqual([key])
})
