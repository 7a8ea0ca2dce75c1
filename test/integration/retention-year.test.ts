// A year of nights on a directory with the real store, repository and sweep: at every night the kept set equals the oracle's,
// every kept backup's chunks are there, and what is stored is what the kept set needs.
// RETENTION_TENANTS, RETENTION_NIGHTS and RETENTION_SEED make it larger, or another: 20 and 365 take some minutes.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { instantOf } from '../../src/domain/ids.js'
import type { Manifest } from '../../src/domain/manifest.js'
import { pinBackup } from '../../src/jobs/pin-backup.js'
import { listManifests, readManifest } from '../../src/repository/manifests.js'
import { putRecord } from '../../src/repository/records.js'
import { openTenantKey } from '../../src/repository/tenant-keys.js'
import { directoryStore } from '../../src/store/directory.js'
import { chunksPrefix, parseChunkKey, proofKey } from '../../src/store/keys.js'
import { systemClock } from '../../src/sys/clock.js'
import { temporaryFolder } from '../kit/cluster.js'
import { DAY_MS } from '../kit/copies.js'
import { datedStore } from '../kit/dated-store.js'
import { dice } from '../kit/dice.js'
import { type FakeClock, fakeClock } from '../kit/fake-clock.js'
import { type Asked, mustKeep } from '../kit/kept-oracle.js'
import { type Life, PlatformYear } from '../kit/platform-year.js'
import { readBack } from '../kit/repository.js'
import { type Sweeping, sweeping } from '../kit/sweeping.js'

const TENANTS = Number(process.env.RETENTION_TENANTS ?? 3)
const NIGHTS = Number(process.env.RETENTION_NIGHTS ?? 30)
const SEED = Number(process.env.RETENTION_SEED ?? 7)
/** Under half a year the shipped policy would let nothing go but days, so a smaller one stands for it. */
const SHORT = NIGHTS < 180

const KEEP: Asked['keep'] = SHORT
  ? {
      scheduled: { daily: 4, weekly: 2, monthly: 2 },
      manual: { last: 1 },
      'before-restore': { withinDays: 5 },
    }
  : {
      scheduled: { daily: 14, weekly: 8, monthly: 12 },
      manual: { last: 5, withinDays: 90 },
      'before-restore': { withinDays: 30 },
    }
const HOLD_DAYS = SHORT ? 6 : 90
const GRACE_DAYS = SHORT ? 3 : 7
const DEPARTED = { last: 1, monthly: SHORT ? 1 : 12 }
const MINIMUM = 3
const ZONE = 'Europe/Paris'

const POLICY = {
  keep: Object.fromEntries(
    Object.entries(KEEP).map(([kind, { withinDays, ...rule }]) => [
      kind,
      withinDays ? { ...rule, within: `${withinDays}d` } : rule,
    ]),
  ),
  minimum: MINIMUM,
  departed: { hold: `${HOLD_DAYS}d`, keep: DEPARTED },
  fuse: { percent: 100, backups: 1000 },
  grace: `${GRACE_DAYS}d`,
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let clock: FakeClock
let here: Sweeping
/** Chunks that nothing needs any more, by the night on which the last that needed them went, or was never made. */
const leftovers: { at: number; subject: string; chunks: readonly string[] }[] = []

beforeAll(async () => {
  folder = await temporaryFolder()
  clock = fakeClock('2026-01-10T00:30:00Z')
  const store = datedStore(directoryStore({ path: folder.path, create: true, clock: systemClock }), clock)
  here = await sweeping(store, clock, POLICY)
})

afterAll(async () => {
  await here.close()
  await folder.remove()
})

function asked(life: Life): Asked {
  const departed = life.departed === null ? null : { since: life.departed, holdDays: HOLD_DAYS, ...DEPARTED }
  const now = clock.now().getTime()
  return { now, zone: ZONE, keep: KEEP, minimum: MINIMUM, failed: life.failed && !life.gone, departed }
}

/** The oracle's answer becomes what the store should have. */
function expectKept(life: Life): string[] {
  if (life.gone && life.departed === null && life.past.length > 0) life.departed = clock.now().getTime()
  const kept = mustKeep(life.past, asked(life))
  for (const { id } of life.past.filter(one => !kept.includes(one.id))) {
    const chunks = life.manifests.get(id)?.chunks.map(chunk => chunk.id) ?? []
    leftovers.push({ at: clock.now().getTime(), subject: life.subject, chunks })
    life.manifests.delete(id)
  }
  life.past = life.past.filter(one => kept.includes(one.id))
  return kept
}

const chunksOf = (manifests: Iterable<Manifest>): Map<string, number> =>
  new Map([...manifests].flatMap(one => one.chunks.map(chunk => [chunk.id, chunk.storedBytes] as const)))

/** Every chunk that is needed is there at its length; @returns bytes needed, and stored beyond what may still wait. */
async function lookAtChunks(life: Life): Promise<{ needed: number; excess: number }> {
  const needed = chunksOf(life.manifests.values())
  const mayWait = clock.now().getTime() - (2 * GRACE_DAYS + 2) * DAY_MS
  const waiting = new Set(
    leftovers.filter(one => one.subject === life.subject && one.at >= mayWait).flatMap(one => one.chunks),
  )
  const missing = new Map(needed)
  let excess = 0
  for await (const { key, bytes } of here.repository.store.list(chunksPrefix(life.subject))) {
    const id = parseChunkKey(life.subject, key)
    if (!id) throw new Error(`not a chunk: ${key}`)
    if (needed.has(id)) expect(bytes).toBe(needed.get(id))
    else if (!waiting.has(id) && !life.failed) excess += bytes
    missing.delete(id)
  }
  expect([...missing.keys()]).toEqual([])
  return { needed: [...needed.values()].reduce((sum, bytes) => sum + bytes, 0), excess }
}

async function someoneSays(life: Life, roll: () => number): Promise<void> {
  const one = life.past[Math.floor(roll() * life.past.length)]
  if (!one) return
  if (roll() < 0.01 && !one.pinned) {
    const request = { subject: life.subject, backup: one.id, who: 'kim', why: 'a year' }
    await pinBackup(here.parts, request, here.context())
    one.pinned = true
  }
  if (roll() > 0.1) return
  const { store, keyring } = here.repository
  const key = await openTenantKey(store, keyring, life.subject)
  const at = clock.now()
  const proof = {
    ...{ format: 1, backup: one.id, at: at.toISOString(), level: 'restore', outcome: 'passed' },
    ...{ loadSeconds: 1, seconds: 1, tables: 1, rows: 1, differences: [], tool: 'test' },
  }
  await putRecord(store, key, proofKey(life.subject, one.id as Manifest['backup'], instantOf(at)), proof)
  one.proven = true
}

async function expectStored(life: Life): Promise<void> {
  const names = await listManifests(here.repository.store, life.subject)
  expect(names.map(one => one.backup).sort(), life.subject).toEqual(expectKept(life))
}

test(`${TENANTS} tenants, ${NIGHTS} nights (RETENTION_SEED=${SEED})`, { timeout: 7_200_000 }, async () => {
  const roll = dice(SEED)
  const year = new PlatformYear(here, roll, TENANTS)
  for (let night = 0; night < NIGHTS; night++) {
    await year.night(ms => clock.pass(ms))
    leftovers.push(...year.orphans.splice(0).map(one => ({ ...one, at: clock.now().getTime() })))
    for (const life of year.living) await someoneSays(life, roll)
    const { failure } = await here.sweep()
    expect(failure).toBeNull()
    for (const life of year.lives) await expectStored(life)
    if (night % 10 === 9) {
      if (!SHORT) console.log(`night ${night + 1}`)
      for (const life of year.lives) {
        const { needed, excess } = await lookAtChunks(life)
        expect(excess).toBeLessThanOrEqual(needed * 0.05)
      }
    }
    clock.pass(DAY_MS - (clock.now().getTime() % DAY_MS) + 30 * 60_000)
  }
  // Nights stop, so nothing more goes; what waits goes, and what is left is what is needed.
  for (let more = 0; more < 2; more++) {
    clock.pass((GRACE_DAYS + 1) * DAY_MS)
    for (const life of year.living) life.failed = true
    await here.sweep()
    for (const life of year.lives) await expectStored(life)
  }
  let [needed, stored] = [0, 0]
  for (const life of year.lives) {
    needed += (await lookAtChunks(life)).needed
    for await (const { bytes } of here.repository.store.list(chunksPrefix(life.subject))) stored += bytes
  }
  expect(stored).toBeGreaterThanOrEqual(needed)
  expect(stored).toBeLessThanOrEqual(needed * 1.05)
  await allRestore(year)
  const removed = here.events('backup-removal').length
  const kept = year.lives.reduce((sum, life) => sum + life.past.length, 0)
  console.log(`${kept} kept, ${removed} removed, ${stored} bytes stored, ${needed} needed`)
})

/** The newest and the oldest of each, whole. */
async function allRestore(year: PlatformYear): Promise<void> {
  const { store, keyring } = here.repository
  for (const life of year.lives.filter(one => one.past.length > 0)) {
    const key = await openTenantKey(store, keyring, life.subject)
    const names = await listManifests(store, life.subject)
    for (const name of [names[0], names.at(-1)]) {
      if (name) await readBack(here.repository, key, await readManifest(store, key, name))
    }
  }
}
