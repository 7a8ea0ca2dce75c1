// Years of journal for alerts that have lost their own file: all of it is read, and whoever else waits gets turns meanwhile.
import { expect, test } from 'vitest'
import { absorb } from '../../src/alert/look.js'
import { EMPTY_MEMORY } from '../../src/alert/memory.js'
import { DAY_MS, failure, tenant } from '../kit/alerting.js'
import { fakeClock } from '../kit/fake-clock.js'
import { openState } from '../kit/state.js'

const EVENTS = 600

test('a turn for others after each stretch of work, and the same is known as without', async () => {
  const { journal, clock, db } = openState(fakeClock('2026-01-01T00:00:00Z'))
  db.exec('PRAGMA synchronous = OFF')
  for (let at = 0; at < EVENTS; at++) {
    if (at === EVENTS - 3) clock.pass(40 * DAY_MS)
    const subject = tenant(`t${at % 7}`)
    journal.event({ type: 'backup-failed', run: null, subject, facts: { error: failure('dump-failed') } })
  }
  const events = (filter: { afterSeq: number; limit: number }) => journal.events(filter)
  const read = async (stepMs: number) => {
    let [ticks, turns] = [0, 0]
    const slow = {
      ...clock,
      ticks: () => (ticks += stepMs),
      sleep: async (ms: number) => {
        expect(ms).toBe(0)
        turns += 1
      },
    }
    const known = await absorb({ events, clock: slow }, EMPTY_MEMORY, null, clock.now())
    return { turns, known }
  }
  const [fast, slow] = [await read(0), await read(5)]
  expect(fast.turns).toBe(0)
  // Each look at the clock is 5 ms after the last one, and 10 are enough.
  expect(slow.turns).toBe(EVENTS / 2)
  expect(slow.known).toEqual(fast.known)
  expect(slow.known.cursor).toBe(EVENTS)
  expect(Object.keys(slow.known.memory.troubles)).toHaveLength(7)
})
