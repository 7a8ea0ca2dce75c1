// The one law of the lease, on any history of three machines: two never hold it at once.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acquireLease } from '../../src/repository/lease.js'
import type { Lease } from '../../src/repository/lease-keeper.js'
import { manualClock, settle } from '../kit/clock.js'
import { faultyStore } from '../kit/faulty-store.js'
import { elsewhere, KEY } from '../kit/lease.js'
import { memoryStore } from '../kit/memory-store.js'

describe('whatever happens', () => {
  /** What can befall a machine, in any order: time passes, it dies, it is cut off or heals, its clock jumps, it tries. */
  const event = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 150_000 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('try' as const),
        who: fc.nat(2),
        waitMs: fc.constantFrom(0, 200_000, 300_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('cut' as const, 'mute' as const, 'heal' as const),
        who: fc.constantFrom(0, 0, 1, 2),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('freeze' as const, 'release' as const), who: fc.nat(2) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('jump' as const),
        who: fc.nat(2),
        ms: fc.integer({ min: -1e8, max: 1e8 }),
      }),
    },
  )

  it('two never hold it at once, by what each believes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 25 }), async events => {
        const world = makeWorld()
        await world.happen({ kind: 'try', who: 0, waitMs: 0 })
        for (const one of events) {
          await world.happen(one)
          expect(world.holders().length).toBeLessThanOrEqual(1)
        }
        await world.end()
      }),
      { numRuns: 100 },
    )
  })

  type Happening =
    | { kind: 'pass'; ms: number }
    | { kind: 'try'; who: number; waitMs: number }
    | { kind: 'cut' | 'mute' | 'heal' | 'freeze' | 'release'; who: number }
    | { kind: 'jump'; who: number; ms: number }

  /** Three machines with clocks of their own, and one store that tells the true time. */
  function makeWorld() {
    const truth = manualClock()
    const shared = memoryStore(truth)
    const machines = [0, 1, 2].map(n => {
      const clock = manualClock()
      return {
        clock,
        network: faultyStore(shared, [], clock),
        name: `web${n}`,
        lease: null as Lease | null,
        trying: false,
        dead: new AbortController(),
      }
    })
    const happen = async (event: Happening) => {
      if (event.kind === 'pass') {
        for (let left = event.ms; left > 0; left -= 5_000) {
          const ms = Math.min(left, 5_000)
          for (const one of [truth, ...machines.map(machine => machine.clock)]) await one.advance(ms)
          expect(holders().length).toBeLessThanOrEqual(1)
        }
        return
      }
      const machine = machines[event.who]!
      if (event.kind === 'jump') machine.clock.jump(event.ms)
      if (event.kind === 'heal') machine.network.heal()
      if (event.kind === 'cut') {
        machine.network.add({
          on: ['put', 'get', 'head', 'delete'],
          times: Number.POSITIVE_INFINITY,
          effect: { fail: 'store-unreachable' },
        })
      }
      if (event.kind === 'mute') {
        machine.network.add({
          on: 'put',
          times: Number.POSITIVE_INFINITY,
          effect: { failAfter: 'store-unreachable' },
        })
      }
      if (event.kind === 'release') {
        await machine.lease?.release().catch(() => {})
        machine.lease = null
      }
      if (event.kind === 'try' && !machine.trying && !(machine.lease && !machine.lease.lost.aborted)) {
        machine.trying = true
        void acquireLease(machine.network, KEY, elsewhere(machine.name), {
          clock: machine.clock,
          waitMs: event.waitMs,
          signal: machine.dead.signal,
        })
          .then(
            lease => {
              machine.lease = lease
            },
            () => {},
          )
          .finally(() => {
            machine.trying = false
          })
        await settle()
      }
    }
    const holders = () => machines.filter(one => one.lease && !one.lease.lost.aborted)
    const end = async () => {
      for (const one of machines) one.dead.abort()
      await settle()
    }
    return { happen, holders, end }
  }
})
