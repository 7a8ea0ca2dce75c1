// The lease between real processes on one directory, and between many contenders on R2's simulator.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { asFailure } from '../../src/domain/errors.js'
import { acquireLease } from '../../src/repository/lease.js'
import { openStore } from '../../src/store/open.js'
import type { Store } from '../../src/store/port.js'
import { retrying } from '../../src/store/retrying.js'
import { s3Store } from '../../src/store/s3.js'
import { systemClock } from '../../src/sys/clock.js'
import { ownIdentity } from '../../src/sys/process-identity.js'
import { startR2 } from '../kit/r2.js'

const KEY = 'platform/lease.json'
const CHILD = new URL('../../dist/test/kit/lease-child.js', import.meta.url).pathname
const children: ChildProcess[] = []
let path: string
let store: Store

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'gmah-lease-'))
  store = openStore(
    { type: 'directory', path, prefix: '', bandwidthBytesPerSecond: null },
    { clock: systemClock },
  )
})

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child)
  await rm(path, { recursive: true, force: true })
})

/** Starts a contender. @returns it, and what it said: `held` or the code of its refusal. */
async function contender(bucket?: object): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [CHILD, path, KEY], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...(bucket ? { GMAH_TEST_LEASE_STORE: JSON.stringify(bucket) } : {}) },
  })
  children.push(child)
  const [said] = await once(child.stdout!, 'data')
  return { child, said: String(said).trim() }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const acquire = async (where: Store, purpose: string) =>
  acquireLease(where, KEY, { ...ownIdentity(), purpose }, { clock: systemClock })

it('is refused while a process holds it, and free at once when that was killed with -9', async () => {
  const { child, said } = await contender()
  expect(said).toBe('held')
  const refusal = await acquire(store, 'too early').catch(asFailure)
  expect(refusal).toMatchObject({ code: 'store-leased', facts: { holder: { pid: child.pid } } })
  await kill(child)
  const lease = await acquire(store, 'heir')
  expect(lease.takenOverFrom?.holder.pid).toBe(child.pid)
  await lease.release()
})

it('lets exactly one of six processes have it, and again after that one was killed', async () => {
  const round = async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => contender()))
    const held = all.filter(one => one.said === 'held')
    expect(held).toHaveLength(1)
    for (const one of all) if (one !== held[0]) expect(one.said).toBe('store-leased')
    for (const one of all) await kill(one.child)
  }
  await round()
  await round()
})

it('lets exactly one of four processes have it on R2, and the next at once when that was killed', async () => {
  const r2 = await startR2()
  try {
    const { endpoint, bucket, accessKeyId, secretAccessKey } = r2
    const access = { endpoint, bucket, accessKeyId, secretAccessKey, region: 'auto' }
    const config = { type: 's3', ...access, prefix: 'race', bandwidthBytesPerSecond: null }
    for (let round = 0; round < 2; round++) {
      const all = await Promise.all(Array.from({ length: 4 }, () => contender(config)))
      expect(all.map(one => one.said).sort()).toEqual(['held', ...Array(3).fill('store-leased')])
      for (const one of all) await kill(one.child)
    }
  } finally {
    await r2.stop()
  }
})

it('lets exactly one of 20 have it on R2, first and when it was released', async () => {
  const r2 = await startR2()
  try {
    const bucket = retrying(s3Store(r2), { clock: systemClock })
    for (let round = 0; round < 2; round++) {
      const ends = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => acquire(bucket, `c${n}`)))
      const held = ends.flatMap(end => (end.status === 'fulfilled' ? [end.value] : []))
      expect(held).toHaveLength(1)
      for (const end of ends) if (end.status === 'rejected') expect(end.reason.code).toBe('store-leased')
      await held[0]?.release()
    }
  } finally {
    await r2.stop()
  }
})
