// Keys that are wrong, lost, old or new: what opens what, and that no key is ever made over backups that need another.
import { chmodSync, copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { asFailure, Failure } from '../../src/domain/errors.js'
import { newIdentityFile, rotateKeys } from '../../src/jobs/keys.js'
import { openBackup } from '../../src/jobs/open-backup.js'
import { tenantKeyKey } from '../../src/store/keys.js'
import type { Store } from '../../src/store/port.js'
import { systemClock } from '../../src/sys/clock.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { faultyStore } from '../kit/faulty-store.js'
import { type Installation, install } from '../kit/installation.js'
import { seedPlatform } from '../kit/platform/seed.js'
import { ACME, never, readBack } from '../kit/repository.js'

const NAMES = ['acme', 'platform/globals']
let cluster: Cluster
let here: Installation
let operational: string
let before: Map<string, string>

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme'], megabytesPerTenant: 0.3 })
})

beforeEach(async () => {
  here = await install(cluster.target)
  operational = join(here.folder, 'operational.txt')
  expect((await here.night({ names: NAMES })).run.outcome).toBe('succeeded')
  before = await contents(here.parts().repository.store)
})

afterEach(() => here.remove())
afterAll(() => cluster.stop())

/** Everything but leases, which come and go. */
async function contents(store: Store): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const { key } of store.list('')) {
    if (!key.includes('leases/')) found.set(key, Buffer.from((await store.get(key)).body).toString('base64'))
  }
  return found
}

const changed = async (): Promise<string[]> => {
  const now = await contents(here.parts().repository.store)
  return [...new Set([...before.keys(), ...now.keys()])]
    .filter(key => before.get(key) !== now.get(key))
    .sort()
}

const KEYS = ['platform/globals/key.age', 'tenants/acme/backups/key.age']

/** A new identity file in the installation's folder. @returns its path and recipient. */
async function identity(name: string): Promise<{ file: string; recipient: string }> {
  const { text, recipient } = await newIdentityFile(systemClock)
  const file = join(here.folder, name)
  writeFileSync(file, text, { mode: 0o600 })
  return { file, recipient }
}

function setRecipients(recipients: string[]): void {
  const config = parse(readFileSync(here.configFile, 'utf8'))
  config.keys.recovery_recipients = recipients
  writeFileSync(here.configFile, stringify(config), { mode: 0o600 })
}

/** Whether the newest backup of acme comes out whole with these identities, or with those of the installation. */
async function opens(identityFile?: string): Promise<string> {
  const to = join(here.folder, `out-${Math.random()}.dump`)
  const given = identityFile ? ['--identity', identityFile] : []
  const { exitCode, stdout } = await here.cli('--json', ...given, 'backup', 'export', 'acme', '--to', to)
  return exitCode === 0 ? 'opens' : JSON.parse(stdout).error.code
}

it('another identity: the night and the restore are refused by name, and nothing is written', async () => {
  await identity('operational.txt')
  await here.reopen()
  const { run, report } = await here.night({ names: NAMES })
  expect(run.outcome).toBe('failed')
  expect(report?.failed.map(one => [one.failure.code, one.failure.message]).sort()).toEqual([
    ['key-wrong', 'no identity at hand opens the key of acme'],
    ['key-wrong', 'no identity at hand opens the key of platform/globals'],
  ])
  expect(report?.failed[0]?.failure.hint).toContain('recovery identity')
  await expect(here.restore('acme', 'wrong key')).rejects.toMatchObject({ code: 'key-wrong' })
  expect(await changed()).toEqual([])
  const { exitCode, stdout } = await here.cli('--json', 'catalogue', 'rebuild')
  expect(exitCode).toBe(3)
  expect(JSON.parse(stdout)).toMatchObject({
    backups: 0,
    problems: [{ code: 'key-wrong' }, { code: 'key-wrong' }],
  })
})

it('the recovery identity alone restores, on a machine that has no other', async () => {
  rmSync(operational)
  expect(await opens()).toBe('key-missing')
  expect(await opens(here.recoveryIdentityFile)).toBe('opens')
  const given = ['--identity', here.recoveryIdentityFile]
  const { exitCode, stdout } = await here.cli('--json', ...given, 'restore', 'acme', '--as', 'recovered')
  expect([exitCode, JSON.parse(stdout).proof.differences]).toEqual([0, []])
})

it('key.age deleted: refused with the way out, nothing new is written, and putting it back heals it', async () => {
  const store = here.parts().repository.store
  const where = tenantKeyKey(ACME)
  const { body } = await store.get(where)
  await store.delete(where)
  const { report } = await here.night({ names: NAMES })
  expect(report?.failed.map(one => [one.subject, one.failure.code])).toEqual([[ACME, 'key-missing']])
  expect(report?.failed[0]?.failure.hint).toContain(`put ${where} back`)
  expect((await changed()).filter(key => key.includes('acme'))).toEqual([where])
  await store.put(where, body)
  expect((await here.night({ names: NAMES })).run.outcome).toBe('succeeded')
})

it('other recovery recipients: after a rotation the new one opens, the old one does not, and only keys were rewritten', async () => {
  const next = await identity('next.txt')
  setRecipients([next.recipient])
  expect([await opens(next.file), await opens(here.recoveryIdentityFile)]).toEqual(['key-wrong', 'opens'])
  const { exitCode, stdout } = await here.cli('keys', 'rotate')
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining('2 keys wrapped anew')])
  expect(await changed()).toEqual(KEYS)
  expect([await opens(next.file), await opens(here.recoveryIdentityFile), await opens()]).toEqual([
    'opens',
    'key-wrong',
    'opens',
  ])
  expect(here.events('keys-rotated').map(event => event.facts)).toMatchObject([
    { recipients: [expect.any(String), next.recipient], subjects: 2 },
  ])
})

it('a new operational identity: it alone is in the file afterwards, it opens, the old one does not', async () => {
  const old = join(here.folder, 'old.txt')
  copyFileSync(operational, old)
  chmodSync(old, 0o600)
  expect((await here.cli('keys', 'rotate', '--new-identity')).exitCode).toBe(0)
  expect(readFileSync(operational, 'utf8').match(/AGE-SECRET-KEY/g)).toHaveLength(1)
  expect(readFileSync(operational, 'utf8')).not.toBe(readFileSync(old, 'utf8'))
  expect([await opens(), await opens(old)]).toEqual(['opens', 'key-wrong'])
  const [{ facts } = { facts: {} }] = here.events('keys-rotated')
  expect(readFileSync(operational, 'utf8')).toContain((facts as { recipients: string[] }).recipients[0])
  expect(await changed()).toEqual(KEYS)
  await here.reopen()
  const again = await here.night({ names: ['acme'] })
  expect(again.report?.succeeded.map(one => one.stored.newChunks)).toEqual([0])
})

it('a rotation that breaks midway loses nothing: both identities stay until a rotation went through', async () => {
  const { repository, ...parts } = here.parts()
  const store = faultyStore(repository.store, [
    { on: 'put', key: /tenants\/acme\/backups\/key\.age/, effect: { fail: 'store-denied' } },
  ])
  const context = { run: 'aaaaaaaaaaaa' as never, signal: never, emit: () => {} }
  const broken = { ...parts, repository: { ...repository, store } }
  const report = await rotateKeys(broken, { newIdentity: true }, context)
  expect(report.rewrapped).toEqual(['platform/globals'])
  expect(report.failed.map(one => [one.subject, one.failure.code])).toEqual([[ACME, 'store-denied']])
  expect(readFileSync(operational, 'utf8').match(/AGE-SECRET-KEY/g)).toHaveLength(2)
  const killed = new AbortController()
  const dying = rotateKeys(
    {
      ...broken,
      repository: {
        ...broken.repository,
        store: {
          ...store,
          put: async (key, body, how) => {
            if (key === tenantKeyKey(ACME)) {
              killed.abort(new Failure('interrupted', 'killed'))
              killed.signal.throwIfAborted()
            }
            return store.put(key, body, how)
          },
        },
      },
    },
    { newIdentity: true },
    { ...context, signal: killed.signal },
  )
  await dying.catch(asFailure)
  expect(readFileSync(operational, 'utf8').match(/AGE-SECRET-KEY/g)).toHaveLength(3)
  expect(await opens()).toBe('opens')
  const { exitCode, stdout } = await here.cli('keys', 'rotate', '--new-identity')
  expect([exitCode, stdout]).toEqual([0, '2 keys wrapped anew'])
  expect(readFileSync(operational, 'utf8').match(/AGE-SECRET-KEY/g)).toHaveLength(1)
  expect(await opens()).toBe('opens')
  expect(await changed()).toEqual(KEYS)
})

it('the operational identity lost: the recovery identity wraps for a new one', async () => {
  const lost = join(here.folder, 'lost.txt')
  renameSync(operational, lost)
  const given = ['--identity', here.recoveryIdentityFile]
  const without = await here.cli('--json', ...given, 'keys', 'rotate')
  expect([without.exitCode, JSON.parse(without.stdout).error.code]).toEqual([9, 'key-missing'])
  expect((await here.cli(...given, 'keys', 'rotate', '--new-identity')).exitCode).toBe(0)
  expect([await opens(), await opens(lost), await opens(here.recoveryIdentityFile)]).toEqual([
    'opens',
    'key-wrong',
    'opens',
  ])
  expect(readFileSync(operational, 'utf8')).not.toContain(
    readFileSync(here.recoveryIdentityFile, 'utf8').match(/AGE-SECRET-KEY\S+/)?.[0],
  )
  rmSync(operational)
  expect((await here.cli('keys', 'init')).exitCode).toBe(0)
  expect(await opens()).toBe('key-wrong')
  expect((await here.cli(...given, 'keys', 'rotate')).exitCode).toBe(0)
  expect(await opens()).toBe('opens')
  expect(await changed()).toEqual(KEYS)
  await here.reopen()
  const { key, manifest } = await openBackup(here.parts().repository, ACME, 'latest')
  expect(await readBack(here.parts().repository, key, manifest)).toHaveLength(manifest.stream.bytes)
})
