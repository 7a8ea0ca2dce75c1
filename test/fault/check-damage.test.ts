// Every kind of damage to a stored backup: found by the cheapest look that can see it, named, marked, told, never marked wrongly;
// and whole again once the chunk is.
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { checkText } from '../../src/cli/check-text.js'
import { asFailure } from '../../src/domain/errors.js'
import type { Manifest } from '../../src/domain/manifest.js'
import { endOfCheck } from '../../src/jobs/check-report.js'
import { chooseBackup } from '../../src/jobs/choose-backup.js'
import { listMarked } from '../../src/repository/damage.js'
import { manifestName } from '../../src/repository/manifests.js'
import { ensureTenantKey, rewrapTenantKey, type TenantKey } from '../../src/repository/tenant-keys.js'
import { chunkKey, chunksPrefix, damageKey, manifestKey, tenantKeyKey } from '../../src/store/keys.js'
import { checking } from '../kit/checking.js'
import { faultyStore } from '../kit/faulty-store.js'
import { memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import { ACME, backUp, GLOBEX, never, readBack, testRepository, write } from '../kit/repository.js'

const memory = memoryStore()
const store = faultyStore(memory)
const repository = testRepository(store)
const DAY_1 = noise(400_000, 1)
/** The second day's end is another one: the first chunks are shared. */
const DAY_2 = Buffer.concat([DAY_1.subarray(0, 300_000), noise(100_000, 2)])

let key: TenantKey
let first: Manifest
let second: Manifest

beforeEach(async () => {
  memory.objects.clear()
  store.heal()
  store.calls.length = 0
  key = await ensureTenantKey(repository, ACME)
  first = await backUp(repository, ACME, DAY_1, '2026-11-22T01:30:00.000Z')
  second = await backUp(repository, ACME, DAY_2, '2026-11-23T01:30:00.000Z')
  await backUp(repository, GLOBEX, noise(100_000, 3))
})

afterAll(() => repository.close())

const bodyOf = (name: string): Buffer => {
  const found = memory.objects.get(name)
  if (!found) throw new Error(`there is no ${name}`)
  return Buffer.from(found.body)
}
const where = (id: Manifest['chunks'][number]['id'] | undefined): string => {
  if (!id) throw new Error('there is no such chunk')
  return chunkKey(ACME, id)
}
const shared = () => where(first.chunks.find(one => second.chunks.some(other => other.id === one.id))?.id)
const only = (one: Manifest, other: Manifest) =>
  where(one.chunks.find(chunk => other.chunks.every(known => known.id !== chunk.id))?.id)
const choose = (wanted: string) => chooseBackup(repository, ACME, wanted, { signal: never })
const marks = () => [...memory.objects.keys()].filter(name => name.startsWith('platform/damage/'))
const flipped = (body: Buffer, at = body.length - 40): Buffer => {
  body.writeUInt8(body.readUInt8(at) ^ 1, at)
  return body
}

describe('a store in which all is well', () => {
  it('is looked at by listings and manifests alone, and nothing is written', async () => {
    store.calls.length = 0
    const { check } = checking(repository)
    const report = await check()
    expect(
      report.checked.map(one => [one.subject, one.backups, one.damaged, one.broken, one.problems]),
    ).toEqual([
      [ACME, 2, [], [], []],
      [GLOBEX, 1, [], [], []],
    ])
    const asked = store.calls.filter(({ key: name }) => name.includes('/chunks/'))
    expect(asked.map(call => call.operation)).toEqual(['list', 'list'])
    expect(store.calls.filter(({ operation }) => operation === 'put' || operation === 'delete')).toEqual([])
  })

  it('--read all reads every needed chunk once, and a share reads its share', async () => {
    const { check } = checking(repository)
    const all = new Set([...first.chunks, ...second.chunks].map(one => one.id)).size
    const [whole] = (await check({ names: ['acme'], mode: { kind: 'all' } })).checked
    expect([whole?.chunks, whole?.readChunks, whole?.readBytes]).toEqual([all, all, whole?.storedBytes])
    const [part] = (await check({ names: ['acme'], mode: { kind: 'share', percent: 20 } })).checked
    expect(part?.readChunks).toBe(Math.ceil(all / 5))
    const budget = Math.floor((whole?.storedBytes ?? 0) / 2)
    const short = await check({ names: ['acme'], mode: { kind: 'all' }, budgetBytes: budget })
    expect(short.short).toBe(true)
    expect(short.checked[0]?.readBytes).toBeLessThanOrEqual(budget)
  })

  it("does not look at the application's own files, nor at strangers' among ours", async () => {
    await store.put('tenants/acme/documents/contract.pdf', Buffer.from('theirs'))
    await store.put('tenants/acme/backups/chunks/zz/readme', Buffer.from('theirs'))
    await store.put('photos/1.jpg', Buffer.from('theirs'))
    store.calls.length = 0
    const { check } = checking(repository)
    expect((await check({ mode: { kind: 'all' } })).checked.flatMap(one => one.damaged)).toEqual([])
    expect(store.calls.filter(call => /documents|photos|zz/.test(call.key))).toEqual([])
  })
})

describe('a chunk that no backup names', () => {
  /** As a dump that died leaves it: stored, and the next one finds it there. */
  const spare = async () => {
    await write(repository, key, noise(100_000, 8))
    const named = new Set([...first.chunks, ...second.chunks].map(one => where(one.id)))
    return [...memory.objects.keys()].filter(name => name.startsWith(chunksPrefix(ACME)) && !named.has(name))
  }

  it('is read back too: a bad one is marked, breaks nothing, and the dump that needs it stores it anew', async () => {
    const [bad = '', ...others] = await spare()
    expect(others.length).toBeGreaterThan(0)
    await store.put(bad, flipped(bodyOf(bad)))
    const { check, told } = checking(repository)
    const report = await check({ names: ['acme'], mode: { kind: 'all' } })
    expect(report.checked[0]).toMatchObject({
      damaged: [],
      stillDamaged: 0,
      broken: [],
      unneeded: [{ key: bad, kind: 'corrupt' }],
    })
    expect(report.checked[0]?.readChunks).toBeGreaterThan(report.checked[0]?.chunks ?? 0)
    expect(checkText(report)).toMatch(
      /^note {4}acme: 1 bad chunk that no backup needs; no dump will rely on it$/m,
    )
    expect(endOfCheck(report).outcome).toBe('succeeded')
    expect(told.map(one => one.type)).toEqual(['subject-checked'])
    expect(marks()).toHaveLength(1)

    // Said once; nobody is told of it night after night.
    const again = await check({ names: ['acme'], mode: { kind: 'all' } })
    expect(again.checked[0]).toMatchObject({ unneeded: [], stillDamaged: 0, healed: [] })
    expect(marks()).toHaveLength(1)

    const third = await backUp(repository, ACME, noise(100_000, 8), '2026-11-24T01:30:00.000Z')
    expect(third.chunks.some(one => where(one.id) === bad)).toBe(true)
    expect((await readBack(repository, key, third)).equals(noise(100_000, 8))).toBe(true)
    expect(marks()).toEqual([])
  })

  it('loses its mark when it reads well again, and when a sweep took it', async () => {
    const [bad = '', other = ''] = await spare()
    const whole = bodyOf(bad)
    await store.put(bad, flipped(bodyOf(bad)))
    await store.put(other, flipped(bodyOf(other)))
    const { check } = checking(repository)
    await check({ mode: { kind: 'all' } })
    expect(marks()).toHaveLength(2)
    await store.put(bad, whole)
    memory.objects.delete(other)
    const [acme] = (await check({ names: ['acme'] })).checked
    expect([acme?.healed, marks()]).toEqual([[bad], []])
  })

  it('is no damage when a sweep takes it between the listing and the reading', async () => {
    const [bad = ''] = await spare()
    store.add({ on: 'get', key: new RegExp(bad), times: Infinity, effect: { fail: 'object-missing' } })
    const { check } = checking(repository)
    const report = await check({ names: ['acme'], mode: { kind: 'all' } })
    expect(report.checked[0]).toMatchObject({ damaged: [], unneeded: [] })
    expect(marks()).toEqual([])
  })

  it('may be one of a backup whose manifest cannot be opened: it counts as needed', async () => {
    const [bad = ''] = await spare()
    await store.put(bad, flipped(bodyOf(bad)))
    const manifest = manifestKey(manifestName(second))
    await store.put(manifest, flipped(bodyOf(manifest)))
    const { check } = checking(repository)
    const report = await check({ names: ['acme'], mode: { kind: 'all' } })
    expect(report.checked[0]).toMatchObject({ damaged: [{ key: bad }], unneeded: [] })
  })
})

describe('a damaged chunk', () => {
  const kinds = [
    ['gone', 'missing', 'none', (name: string) => void memory.objects.delete(name)],
    ['cut short', 'wrong-length', 'none', (name: string) => store.put(name, bodyOf(name).subarray(0, 500))],
    ['emptied', 'wrong-length', 'none', (name: string) => store.put(name, Buffer.alloc(0))],
    [
      'longer',
      'wrong-length',
      'none',
      (name: string) => store.put(name, Buffer.concat([bodyOf(name), Buffer.from('!')])),
    ],
    ['one bit of it', 'corrupt', 'all', (name: string) => store.put(name, flipped(bodyOf(name)))],
    ['one bit of its header', 'corrupt', 'all', (name: string) => store.put(name, flipped(bodyOf(name), 60))],
    ['as long, of noise', 'corrupt', 'all', (name: string) => store.put(name, noise(bodyOf(name).length, 9))],
  ] as const

  it.each(kinds)(
    '%s (%s): found with --read %s, marked, told, and breaks what needs it',
    async (_, kind, read, damage) => {
      const bad = shared()
      await damage(bad)
      const { check, told, catalogue } = checking(repository)
      await catalogue.refresh(repository, { from: 'nothing' })
      const report = await check({ mode: { kind: read } })
      const [acme, globex] = report.checked
      expect(acme?.damaged).toMatchObject([{ key: bad, kind }])
      expect(acme?.broken.map(one => one.backup)).toEqual([second.backup, first.backup])
      expect(globex?.damaged).toEqual([])
      expect(marks()).toEqual([damageKey(ACME, acme!.damaged[0]!.chunk)])
      expect(told.find(one => one.type === 'objects-damaged')).toMatchObject({
        subject: ACME,
        facts: { count: 1, first: [{ key: bad }], broken: [second.backup, first.backup] },
      })
      expect(catalogue.list({ subject: ACME }).map(one => one.broken !== null)).toEqual([true, true])
      expect(catalogue.newest().map(one => one.subject)).toEqual([GLOBEX])
    },
  )

  it('swapped for another one of the tenant, or of another tenant, is found by reading', async () => {
    const [one, other] = [shared(), only(second, first)]
    await store.put(one, bodyOf(only(first, second)))
    await store.put(other, bodyOf([...memory.objects.keys()].find(name => /globex.*chunks/.test(name))!))
    const { check } = checking(repository)
    const [acme] = (await check({ mode: { kind: 'all' } })).checked
    expect(acme?.damaged.map(found => found.key).sort()).toEqual([one, other].sort())
  })

  it('is read twice before it is called damaged: a bit that turned on the way is not the store’s', async () => {
    store.add({ on: 'get', key: /chunks/, nth: 3, effect: { flipBitAt: 3000 } })
    const { check } = checking(repository)
    const report = await check({ mode: { kind: 'all' } })
    expect(report.checked.flatMap(one => one.damaged)).toEqual([])
    expect(marks()).toEqual([])
  })

  it('of a length that no backup knows, but whole, is no damage', async () => {
    // Stored anew at another level of compression by a run that died before its manifest.
    const chunk = first.chunks[0]!
    const raw = new Uint8Array(DAY_1.subarray(64, 64 + chunk.bytes))
    const again = await repository.seals.seal({ raw, level: 12, recipient: key.recipient })
    await store.put(where(chunk.id), Buffer.concat([again]))
    const { check } = checking(repository)
    expect((await check({ mode: { kind: 'all' } })).checked.flatMap(one => one.damaged)).toEqual([])
  })

  it('that only the older backup needs: the newer one stays the newest', async () => {
    memory.objects.delete(only(first, second))
    const { check } = checking(repository)
    await check()
    const opened = await choose('latest')
    expect([opened.manifest.backup, opened.passedOver]).toEqual([second.backup, []])
  })

  it('a store that is away says nothing of a backup: none is passed over for it', async () => {
    const newest = new RegExp(manifestKey(manifestName(second)))
    store.add({ on: 'get', key: newest, times: Infinity, effect: { fail: 'store-unreachable' } })
    await expect(choose('latest')).rejects.toMatchObject({ code: 'store-unreachable' })
  })

  it('that the newest needs: `latest` and an instant give the one before, and say so; its id only itself', async () => {
    memory.objects.delete(only(second, first))
    const { check } = checking(repository)
    await check()
    for (const wanted of ['latest', '2026-11-24T00:00:00Z']) {
      const opened = await choose(wanted)
      expect(opened.manifest.backup).toBe(first.backup)
      expect(opened.passedOver).toMatchObject([
        {
          backup: second.backup,
          code: 'object-missing',
          message: expect.stringContaining(only(second, first)),
        },
      ])
    }
    const failure = await choose(second.backup).then(() => expect.unreachable(), asFailure)
    expect([failure.code, failure.message]).toEqual([
      'object-missing',
      expect.stringContaining(`of backup ${second.backup} (acme) is not in the store`),
    ])
    await store.put(only(second, first), Buffer.alloc(500))
    memory.objects.delete(manifestKey(manifestName(first)))
    await expect(choose('latest')).rejects.toMatchObject({ code: 'object-corrupt' })
  })
})

describe('healing', () => {
  async function damaged(names: string[]): Promise<void> {
    for (const name of names) await store.put(name, flipped(bodyOf(name)))
    await checking(repository).check({ mode: { kind: 'all' } })
    expect(marks()).toHaveLength(names.length)
  }

  it('the next dump stores a marked chunk anew, reads it back, and takes the mark off', async () => {
    const bad = shared()
    await damaged([bad])
    const written = await write(repository, key, DAY_2)
    expect(written.stored.newChunks).toBe(1)
    expect(written.healed.map(id => where(id))).toEqual([bad])
    expect(marks()).toEqual([])
    const { check } = checking(repository)
    const [acme] = (await check({ mode: { kind: 'all' } })).checked
    expect([acme?.damaged, acme?.broken]).toEqual([[], []])
  })

  it('what the next dump has no use for stays marked, and what it still has is healed', async () => {
    await damaged([only(first, second), shared()])
    const written = await write(repository, key, DAY_2)
    expect(written.healed).toHaveLength(1)
    const { check } = checking(repository)
    const [acme] = (await check()).checked
    expect(acme).toMatchObject({ stillDamaged: 1, damaged: [], broken: [{ backup: first.backup }] })
  })

  it('a chunk that came back by other hands loses its mark at the next check, whatever that reads', async () => {
    const bad = shared()
    const whole = bodyOf(bad)
    await damaged([bad])
    await store.put(bad, whole)
    const { check, told } = checking(repository)
    const [acme] = (await check()).checked
    expect([acme?.healed, acme?.broken, marks()]).toEqual([[bad], [], []])
    expect(told.find(one => one.type === 'objects-healed')).toMatchObject({
      facts: { count: 1, first: [bad] },
    })
  })

  it('a dump whose new chunk does not read back fails: its mark stays', async () => {
    const bad = shared()
    await damaged([bad])
    store.add({ on: 'put', key: new RegExp(bad), effect: { flipBitAt: 4000 } })
    const failure = await write(repository, key, DAY_2).then(() => expect.unreachable(), asFailure)
    expect([failure.code, failure.message]).toEqual([
      'object-corrupt',
      expect.stringMatching(/was stored anew and does not read back/),
    ])
    expect(marks()).toHaveLength(1)
  })

  it('a dump that dies leaves the mark: the next one takes it off', async () => {
    await damaged([shared()])
    store.add({ on: 'put', key: /chunks/, nth: 2, effect: { fail: 'store-unreachable' } })
    const day3 = Buffer.concat([DAY_2, noise(200_000, 7)])
    await expect(write(repository, key, day3)).rejects.toMatchObject({ code: 'store-unreachable' })
    expect(marks()).toHaveLength(1)
    expect((await write(repository, key, day3)).healed).toHaveLength(1)
    expect(marks()).toEqual([])
  })

  it('a bucket lock that holds the damaged chunk is said, with what to do; the mark stays', async () => {
    const bad = shared()
    await damaged([bad])
    store.add({
      on: 'put',
      key: new RegExp(bad),
      effect: { fail: 'store-locked' },
      times: Number.POSITIVE_INFINITY,
    })
    const failure = await write(repository, key, DAY_2).then(() => expect.unreachable(), asFailure)
    expect([failure.code, failure.message]).toEqual([
      'store-locked',
      `chunk ${bad} is damaged, and a bucket lock keeps it from being stored anew`,
    ])
    expect(failure.hint).toContain('lock rule')
    expect(marks()).toHaveLength(1)
  })

  it('a night that meets damage no check has seen marks what it does not mend, and mends the rest', async () => {
    const [lost, short] = [only(second, first), shared()]
    memory.objects.delete(lost)
    await store.put(short, bodyOf(short).subarray(0, 400))
    // The first day's data again: what only the second had is not there any more.
    const written = await write(repository, key, DAY_1)
    expect(written.marked).toMatchObject([{ key: lost, kind: 'missing' }])
    expect((await listMarked(store, ACME)).size).toBe(1)
    expect((await choose('latest')).manifest.backup).toBe(first.backup)
  })

  it('a mark of a chunk that nobody needs and nobody has goes away', async () => {
    const bad = only(first, second)
    await damaged([bad])
    memory.objects.delete(manifestKey(manifestName(first)))
    const { check } = checking(repository)
    await check()
    expect(marks()).toHaveLength(1)
    memory.objects.delete(bad)
    await check()
    expect(marks()).toEqual([])
  })
})

describe('manifests and keys', () => {
  it.each([
    ['one bit of it', (name: string) => flipped(bodyOf(name), 400), 'object-corrupt'],
    ['cut short', (name: string) => bodyOf(name).subarray(0, 300), 'object-corrupt'],
    ['emptied', (_: string) => Buffer.alloc(0), 'object-corrupt'],
    [
      'swapped for the older one',
      (_: string) => bodyOf(manifestKey(manifestName(first))),
      'manifest-invalid',
    ],
  ] as const)(
    'a manifest, %s: named, broken, and `latest` gives the one before',
    async (_what, damage, code) => {
      const name = manifestKey(manifestName(second))
      await store.put(name, damage(name))
      const { check } = checking(repository)
      const [acme] = (await check()).checked
      expect(acme?.problems).toMatchObject([{ key: name, code }])
      expect(acme?.broken).toMatchObject([{ backup: second.backup }])
      expect(acme?.damaged).toEqual([])
      const opened = await choose('latest')
      expect([opened.manifest.backup, opened.passedOver.map(one => one.backup)]).toEqual([
        first.backup,
        [second.backup],
      ])
    },
  )

  it('a manifest that goes away between its listing and its opening is no damage', async () => {
    const name = manifestKey(manifestName(second))
    const { check } = checking(repository)
    // After this one the catalogue knows them.
    await check()
    store.add({ on: 'get', key: /manifests/, effect: { fail: 'object-missing' } })
    memory.objects.delete(only(second, first))
    const [acme] = (await check()).checked
    expect(memory.objects.has(name)).toBe(true)
    expect([acme?.backups, acme?.damaged, acme?.problems, marks()]).toEqual([1, [], [], []])
  })

  it.each([
    ['gone', (): unknown => memory.objects.delete(tenantKeyKey(ACME)), 'object-missing'],
    ['damaged', () => store.put(tenantKeyKey(ACME), flipped(bodyOf(tenantKeyKey(ACME)))), 'object-corrupt'],
    ["another tenant's", () => store.put(tenantKeyKey(ACME), bodyOf(tenantKeyKey(GLOBEX))), 'object-corrupt'],
  ] as const)('a key that is %s: named, and the other tenants are checked', async (_, damage, code) => {
    await damage()
    const { check, told } = checking(repository)
    const report = await check()
    expect(report.failed).toMatchObject([{ subject: ACME, failure: { code } }])
    expect(report.checked.map(one => one.subject)).toEqual([GLOBEX])
    expect(told.find(one => one.type === 'check-failed')).toMatchObject({
      subject: ACME,
      facts: { error: { code } },
    })
  })

  it('a key that only this machine can open is said', async () => {
    const [own = ''] = repository.keyring.recipients
    await rewrapTenantKey(store, { ...repository.keyring, recipients: [own] }, ACME)
    const { check } = checking(repository)
    const [acme, globex] = (await check()).checked
    expect(acme?.problems).toMatchObject([
      {
        key: tenantKeyKey(ACME),
        code: 'recovery-missing',
        message: expect.stringContaining('1 of 2 recipients'),
      },
    ])
    expect(globex?.problems).toEqual([])
  })
})

describe('a store that fails midway', () => {
  it.each([
    [
      'the listing of chunks',
      { on: 'list', key: /acme.*chunks/, effect: { failAfterItems: 5, fail: 'store-unreachable' } },
    ],
    ['a manifest', { on: 'get', key: /acme.*manifests/, effect: { fail: 'store-unreachable' } }],
    ['a chunk that is read back', { on: 'get', key: /chunks/, nth: 4, effect: { fail: 'store-denied' } }],
    ['the listing of marks', { on: 'list', key: /damage/, effect: { fail: 'store-busy' } }],
  ] as const)('at %s: the check fails, and marks nothing', async (_, fault) => {
    store.add(fault)
    const { check, catalogue } = checking(repository)
    await catalogue.refresh({ ...repository, store: memory }, { from: 'nothing' })
    await expect(check({ mode: { kind: 'all' } })).rejects.toMatchObject({
      code: expect.stringMatching(/^store-/),
    })
    expect(marks()).toEqual([])
    expect(catalogue.list().filter(one => one.broken !== null)).toEqual([])
  })
})
