// What a rotation promises: everything that stays is read within its nights, never beyond the budget, and forgetting costs nothing.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChunkId } from '../../src/domain/ids.js'
import { isReadWords, readModeOf } from '../../src/domain/read-mode.js'
import { type SubjectId, tenantSubject } from '../../src/domain/subject.js'
import { openReading } from '../../src/jobs/check-reading.js'
import type { RotationLaps } from '../../src/jobs/rotation-laps.js'
import { ChunkIndex } from '../../src/repository/chunk-index.js'
import { Inventory } from '../../src/repository/inventory.js'
import type { Lap } from '../../src/repository/rotation.js'
import { type FakeClock, fakeClock } from '../kit/fake-clock.js'

const DAY_MS = 86_400_000
const LARGEST = 4000

interface Chunk {
  id: ChunkId
  storedBytes: number
}
type Stores = Map<SubjectId, Chunk[]>

const chunk = fc.record({
  id: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(id => Buffer.from(id).toString('hex') as ChunkId),
  storedBytes: fc.integer({ min: 200, max: LARGEST }),
})
const chunks = fc.uniqueArray(chunk, { selector: one => one.id, maxLength: 40 })
const stores = fc
  .array(chunks, { minLength: 1, maxLength: 4 })
  .map((all): Stores => new Map(all.map((one, at) => [tenantSubject(`t${at}`, '').id, one])))
const nights = fc.integer({ min: 1, max: 9 })

const memoryLaps = (): RotationLaps => {
  const laps = new Map<SubjectId, Lap>()
  return { of: subject => laps.get(subject) ?? null, note: (subject, lap) => void laps.set(subject, lap) }
}

function inventoryOf(held: readonly Chunk[]): Inventory {
  const sorted = [...held].sort((a, b) => (a.id < b.id ? -1 : 1))
  const inventory = new Inventory(ChunkIndex.from(sorted))
  inventory.take({ chunks: sorted.map(one => ({ ...one, bytes: 1 })) })
  return inventory
}

/** One night. @returns what was read of each subject, and the bytes in all. */
function night(
  held: Stores,
  parts: { clock: FakeClock; laps: RotationLaps },
  count: number,
  budget: number | null,
) {
  const reading = openReading(parts, { mode: { kind: 'rotate', nights: count }, budgetBytes: budget })
  const read = new Set<ChunkId>()
  let bytes = 0
  for (const subject of reading.order([...held.keys()])) {
    for (const one of reading.chunks(subject, inventoryOf(held.get(subject) ?? []))) {
      read.add(one.id)
      bytes += one.storedBytes ?? 0
    }
    reading.done(subject)
  }
  parts.clock.pass(DAY_MS)
  return { read, bytes, coverage: reading.coverage(), short: reading.short }
}

const everyId = (held: Stores): ChunkId[] => [...held.values()].flat().map(one => one.id)
const start = () => ({ clock: fakeClock('2026-11-23T04:30:00Z'), laps: memoryLaps() })

describe('a rotation', () => {
  it('reads everything that is there throughout within its nights, each chunk once, whatever comes and goes', () => {
    fc.assert(
      fc.property(stores, nights, fc.array(stores, { maxLength: 9 }), (kept, count, guests) => {
        const parts = start()
        const seen: ChunkId[] = []
        for (let at = 0; at < count; at++) {
          const tonight = new Map(
            [...kept].map(([subject, held]) => [subject, [...held, ...(guests[at]?.get(subject) ?? [])]]),
          )
          seen.push(...night(tonight, parts, count, null).read)
        }
        const wanted = new Set(everyId(kept))
        expect(seen.filter(id => wanted.has(id)).sort()).toEqual([...wanted].sort())
      }),
    )
  })

  it('even when its state is lost after each night', () => {
    fc.assert(
      fc.property(stores, nights, (held, count) => {
        const parts = start()
        const seen = new Set<ChunkId>()
        for (let at = 0; at < count; at++) {
          for (const id of night(held, { ...parts, laps: memoryLaps() }, count, null).read) seen.add(id)
        }
        expect(seen.size).toBe(everyId(held).length)
      }),
    )
  })

  it('keeps to its budget, and still comes to the end of everything', () => {
    fc.assert(
      fc.property(stores, nights, fc.integer({ min: 2 * LARGEST, max: 40_000 }), (held, count, budget) => {
        const parts = start()
        const seen = new Set<ChunkId>()
        const bytes = [...held.values()].flat().reduce((sum, one) => sum + one.storedBytes, 0)
        const enough = count + Math.ceil((2 * bytes) / (budget - LARGEST)) + held.size
        for (let at = 0; at < enough; at++) {
          const tonight = night(held, parts, count, budget)
          expect(tonight.bytes).toBeLessThanOrEqual(budget)
          for (const id of tonight.read) seen.add(id)
        }
        expect(seen.size).toBe(everyId(held).length)
      }),
    )
  })

  it('a budget below one chunk reads one a night', () => {
    const held: Stores = new Map([
      [tenantSubject('a', '').id, fc.sample(chunks, { seed: 7, numRuns: 9 }).flat()],
    ])
    const parts = start()
    const seen = new Set<ChunkId>()
    for (let at = 0; at < everyId(held).length; at++) {
      const { read } = night(held, parts, 1, 1)
      expect(read.size).toBe(1)
      for (const id of read) seen.add(id)
    }
    expect(seen.size).toBe(everyId(held).length)
  })

  it('says how far it is, since when everything was read, and when the budget is too small for its nights', () => {
    const even = Array.from({ length: 16 }, (_, at) => ({
      id: `${at.toString(16)}${'0'.repeat(63)}` as ChunkId,
      storedBytes: 1000,
    }))
    const held: Stores = new Map([[tenantSubject('a', '').id, even]])
    const parts = start()
    const told = [1, 2, 3, 4, 5].map(() => night(held, parts, 4, null).coverage)
    expect(told.map(one => one?.percent)).toEqual([25, 50, 75, 0, 25])
    expect(told.map(one => one?.wholeSince)).toEqual([
      ...[null, null, null],
      '2026-11-23T04:30:00.000Z',
      '2026-11-23T04:30:00.000Z',
    ])
    expect(told[0]?.nightsNeeded).toBe(null)
    expect(night(held, parts, 4, 2000)).toMatchObject({ short: true, coverage: { nightsNeeded: 8 } })
  })

  it('goes on with a chunk that was not read: a night that fails moves nothing', () => {
    const held: Stores = new Map([
      [tenantSubject('a', '').id, fc.sample(chunks, { seed: 3, numRuns: 5 }).flat()],
    ])
    const parts = start()
    const [[subject, mine]] = [...held] as [[SubjectId, Chunk[]]]
    const failed = openReading(parts, { mode: { kind: 'rotate', nights: 1 }, budgetBytes: null })
    expect([...failed.chunks(subject, inventoryOf(mine))]).toHaveLength(mine.length)
    expect(night(held, parts, 1, null).read.size).toBe(mine.length)
  })
})

it('the words of a mode', () => {
  const good = ['none', 'all', 'rotate', '1%', '5%', '100%']
  const bad = ['', 'some', '0%', '101%', '5', '5.5%', ' 5%']
  expect([...good, ...bad].filter(isReadWords)).toEqual(good)
  expect(readModeOf('rotate', 30)).toEqual({ kind: 'rotate', nights: 30 })
  expect(readModeOf('5%', 30)).toEqual({ kind: 'share', percent: 5 })
})
