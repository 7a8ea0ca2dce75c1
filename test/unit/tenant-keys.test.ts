// A subject's key in the store: made once, never made again over backups, opened by its recipients alone, wrapped anew without data.
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { asFailure } from '../../src/domain/errors.js'
import { commitManifest } from '../../src/repository/manifests.js'
import { ensureTenantKey, openTenantKey, rewrapTenantKey } from '../../src/repository/tenant-keys.js'
import { generateIdentity } from '../../src/seal/age-keys.js'
import { tenantKeyKey } from '../../src/store/keys.js'
import type { Store } from '../../src/store/port.js'
import { retrying } from '../../src/store/retrying.js'
import { manualClock } from '../kit/clock.js'
import { faultyStore } from '../kit/faulty-store.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import { ACME, backUp, GLOBEX, manifestOf, testRepository, write } from '../kit/repository.js'

const WHERE = tenantKeyKey(ACME)
const repository = testRepository(memoryStore())
let store: MemoryStore

beforeEach(() => {
  store = memoryStore()
  repository.store = store
})

afterAll(() => repository.close())

const withIdentities = (...identities: string[]) => ({ identities, recipients: [] })
const failure = (work: Promise<unknown>) => work.then(() => expect.unreachable(), asFailure)

describe('making a key', () => {
  it('happens once, and gives back what is in the store', async () => {
    const made = await ensureTenantKey(repository, ACME)
    expect(await ensureTenantKey(repository, ACME)).toEqual(made)
    expect(await openTenantKey(store, repository.keyring, ACME)).toEqual(made)
    expect(await openTenantKey(store, withIdentities(repository.recovery), ACME)).toEqual(made)
    expect([...store.objects.keys()]).toEqual([WHERE])
  })

  it('by many at once gives all of them the same', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, () => ensureTenantKey(repository, ACME)))
    expect(new Set(made.map(one => one.identity)).size).toBe(1)
  })

  it('gives the one that another process has made meanwhile, which stays', async () => {
    const other = { ...repository, store }
    let theirs: unknown = null
    repository.store = {
      ...store,
      put: async (...args) => {
        theirs ??= await ensureTenantKey(other, ACME)
        return store.put(...args)
      },
    }
    expect(await ensureTenantKey(repository, ACME)).toEqual(theirs)
    expect(await openTenantKey(store, repository.keyring, ACME)).toEqual(theirs)
  })

  it('gives what stands there when the answer to its put was lost', async () => {
    const clock = manualClock(undefined, { skipSleeps: true })
    const lossy = faultyStore(store, [{ on: 'put', effect: { failAfter: 'store-unreachable' } }])
    repository.store = retrying(lossy, { clock })
    const made = await ensureTenantKey(repository, ACME)
    expect(await openTenantKey(store, repository.keyring, ACME)).toEqual(made)
  })

  it('that cannot be stored ends in what the store said', async () => {
    repository.store = faultyStore(store, [{ on: 'put', effect: { fail: 'store-full' } }])
    expect((await failure(ensureTenantKey(repository, ACME))).code).toBe('store-full')
    expect(store.objects.size).toBe(0)
  })

  it('is refused while anything was written with one that is gone, and nothing new is written', async () => {
    const key = await ensureTenantKey(repository, ACME)
    const written = await write(repository, key, noise(50_000, 1))
    await store.delete(WHERE)
    const told = await failure(ensureTenantKey(repository, ACME))
    expect([told.code, told.hint]).toEqual([
      'key-missing',
      `put ${WHERE} back from a copy of the bucket; without it these backups cannot be opened`,
    ])
    for (const one of store.objects.keys()) await store.delete(one)
    await commitManifest(store, key, manifestOf(ACME, written, '2026-11-23T02:00:00.000Z'))
    expect((await failure(ensureTenantKey(repository, ACME))).code).toBe('key-missing')
    expect(store.objects.size).toBe(1)
  })
})

describe('opening a key', () => {
  it('says whose key no identity at hand opens', async () => {
    await ensureTenantKey(repository, ACME)
    const stranger = withIdentities(generateIdentity().identity)
    const told = await failure(openTenantKey(store, stranger, ACME))
    expect([told.code, told.message]).toEqual(['key-wrong', 'no identity at hand opens the key of acme'])
    expect((await failure(ensureTenantKey({ ...repository, keyring: stranger }, ACME))).code).toBe(
      'key-wrong',
    )
  })

  it('names the object for every way it can be wrong, with what to do', async () => {
    await ensureTenantKey(repository, ACME)
    await ensureTenantKey(repository, GLOBEX)
    const body = store.objects.get(WHERE)!.body
    const damaged = [
      Buffer.alloc(0),
      Buffer.from('nonsense'),
      body.subarray(0, body.length - 1),
      store.objects.get(tenantKeyKey(GLOBEX))!.body,
      ...[0, body.length - 200, body.length - 1].map(at => flipped(body, at)),
    ]
    for (const one of damaged) {
      await store.put(WHERE, one)
      const told = await failure(openTenantKey(store, repository.keyring, ACME))
      expect([told.code, told.message]).toEqual([
        'object-corrupt',
        `the key of acme, ${WHERE}, cannot be used`,
      ])
      expect(told.hint).toContain(`put ${WHERE} back`)
    }
    // Damage to what is wrapped for us can't be told from being wrapped for others: another identity can tell.
    await store.put(WHERE, otherLetter(body, 60))
    expect((await failure(openTenantKey(store, repository.keyring, ACME))).code).toBe('key-wrong')
    const recovery = withIdentities(repository.recovery)
    expect((await failure(openTenantKey(store, recovery, ACME))).code).toBe('object-corrupt')
    await store.delete(WHERE)
    const gone = await failure(openTenantKey(store, repository.keyring, ACME))
    expect([gone.code, gone.message]).toEqual(['object-missing', `the key of acme, ${WHERE}, is gone`])
  })
})

describe('wrapping a key anew', () => {
  it('changes who can open it, and no other object', async () => {
    await backUp(repository, ACME, noise(100_000, 1))
    const before = new Map([...store.objects].map(([name, { body }]) => [name, body]))
    const key = await openTenantKey(store, repository.keyring, ACME)
    const [next, keeper] = [generateIdentity(), generateIdentity()]
    const keyring = {
      identities: [next.identity, ...repository.keyring.identities],
      recipients: [next.recipient, keeper.recipient],
    }
    await rewrapTenantKey(store, keyring, ACME)
    for (const { identity } of [next, keeper])
      expect(await openTenantKey(store, withIdentities(identity), ACME)).toEqual(key)
    for (const old of [repository.recovery, ...repository.keyring.identities])
      expect((await failure(openTenantKey(store, withIdentities(old), ACME))).code).toBe('key-wrong')
    const changed = [...store.objects].filter(([name, { body }]) => !before.get(name)?.equals(body))
    expect(changed.map(([name]) => name)).toEqual([WHERE])
    expect(store.objects.size).toBe(before.size)
  })

  it('refuses to lock itself out, and leaves the key as it was', async () => {
    await ensureTenantKey(repository, ACME)
    const before = store.objects.get(WHERE)!.body
    const recipients = [generateIdentity().recipient]
    const told = await failure(rewrapTenantKey(store, { ...repository.keyring, recipients }, ACME))
    expect(told.code).toBe('key-wrong')
    expect(store.objects.get(WHERE)!.body.equals(before)).toBe(true)
  })

  it.each([1, 2, 3])('does not overwrite one that was wrapped anew after its request %i', async nth => {
    await ensureTenantKey(repository, ACME)
    const other = { ...repository.keyring, recipients: [...repository.keyring.recipients].slice(0, 1) }
    let requests = 0
    const wrapped = async (): Promise<void> => {
      requests += 1
      if (requests === nth) await rewrapTenantKey(store, other, ACME)
    }
    const racing: Store = {
      ...store,
      get: async (...args) => {
        const found = await store.get(...args)
        await wrapped()
        return found
      },
      put: async (...args) => {
        await wrapped()
        return store.put(...args)
      },
    }
    expect((await failure(rewrapTenantKey(racing, repository.keyring, ACME))).code).toBe('store-conflict')
    const told = await failure(openTenantKey(store, withIdentities(repository.recovery), ACME))
    expect(told.code).toBe('key-wrong')
  })
})

/** In the text of the header: another letter of its alphabet, for what is no letter of it is damage that anybody sees. */
function otherLetter(body: Buffer, at: number): Buffer {
  const copy = Buffer.from(body)
  copy.write(copy.toString('latin1', at, at + 1) === 'A' ? 'B' : 'A', at)
  return copy
}

function flipped(body: Buffer, at: number): Buffer {
  const copy = Buffer.from(body)
  copy.writeUInt8(copy.readUInt8(at) ^ 2, at)
  return copy
}
