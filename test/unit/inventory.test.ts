// What an inventory says of each chunk: needed, there, of which length, and whether it may go.
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import type { BackupId, ChunkId } from '../../src/domain/ids.js'
import { ChunkIndex } from '../../src/repository/chunk-index.js'
import { Inventory } from '../../src/repository/inventory.js'

const id = (digit: string): ChunkId => digit.repeat(64) as ChunkId
const [NEEDED, GROWN, FREE, GONE, UNKNOWN] = [id('1'), id('2'), id('3'), id('4'), id('5')]

/** Three chunks listed; one backup needs two of them, of which one has another length, and one that isn't there. */
function scene(): Inventory {
  const listed = [NEEDED, GROWN, FREE].map(one => ({ id: one, storedBytes: 40 }))
  const inventory = new Inventory(ChunkIndex.from(listed))
  const chunks = [
    { id: NEEDED, bytes: 100, storedBytes: 40 },
    { id: GROWN, bytes: 200, storedBytes: 39 },
    { id: GONE, bytes: 300, storedBytes: 40 },
  ]
  inventory.take({ chunks } as Parameters<Inventory['take']>[0])
  return inventory
}

describe('an inventory', () => {
  it('names what is needed, what is there, and what a listing makes suspect', () => {
    const inventory = scene()
    expect([...inventory.needed()]).toEqual([
      { id: NEEDED, bytes: 100, storedBytes: 40 },
      { id: GROWN, bytes: 200, storedBytes: 40 },
    ])
    expect([...inventory.stored()].map(one => [one.id, one.bytes])).toEqual([
      [NEEDED, 100],
      [GROWN, 200],
      [FREE, null],
    ])
    expect([...inventory.suspects()]).toEqual([
      { id: GONE, bytes: 300, storedBytes: null },
      { id: GROWN, bytes: 200, storedBytes: 40 },
    ])
    expect(inventory.totals()).toEqual({ chunks: 3, storedBytes: 80 })
  })

  it('trusts a length that any backup has recorded, in whichever order they come', () => {
    const right = { id: GROWN, bytes: 200, storedBytes: 40 }
    const wrong = { id: GROWN, bytes: 200, storedBytes: 39 }
    for (const order of [
      [right, wrong],
      [wrong, right],
    ]) {
      const inventory = new Inventory(ChunkIndex.from([{ id: GROWN, storedBytes: 40 }]))
      for (const one of order) inventory.take({ chunks: [one] } as Parameters<Inventory['take']>[0])
      expect([...inventory.suspects()]).toEqual([])
      expect(inventory.backups).toBe(2)
    }
  })

  it('finds what is needed or there, and nothing else', () => {
    const inventory = scene()
    expect(inventory.find(GONE)).toEqual({ id: GONE, bytes: 300, storedBytes: null })
    expect(inventory.find(FREE)).toEqual({ id: FREE, bytes: null, storedBytes: 40 })
    expect(inventory.find(UNKNOWN)).toBeNull()
  })

  it('is certain that a chunk is not needed only when every manifest was read', () => {
    const inventory = scene()
    expect([NEEDED, GONE, FREE, UNKNOWN].map(one => inventory.mayNeed(one))).toEqual([
      true,
      true,
      false,
      false,
    ])
    const failure = new Failure('object-corrupt', 'a manifest that cannot be opened')
    inventory.unreadable.push({ backup: 'x' as BackupId, key: 'x', failure })
    expect([FREE, UNKNOWN].map(one => inventory.mayNeed(one))).toEqual([true, true])
  })
})
