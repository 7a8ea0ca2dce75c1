// What a person at a terminal is made to wait for: a store that never answered not for long, one that did as long as a night waits.
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { patientRetry } from '../../src/store/patient.js'
import { retrying } from '../../src/store/retrying.js'
import { type ManualClock, manualClock } from '../kit/clock.js'
import { failureOf } from '../kit/failing.js'
import { memoryStore } from '../kit/memory-store.js'

const X = Buffer.from('x')
const down = (why = 'connect ECONNREFUSED') =>
  new Failure('store-unreachable', 'cannot look at x', { cause: new Error(why) })

/** A store whose `head` does what the test says next, and the lines that were told with when they came. */
function waitedFor(head: () => Promise<null>) {
  const clock = manualClock()
  const told: [atMs: number, line: string][] = []
  const tell = (line: string) => told.push([clock.ticks(), line])
  const patience = { budgetMs: 30_000, tell }
  const rules = { clock, random: () => 0.999 }
  const broken = { ...memoryStore(), name: 'bucket b at host', head }
  return { clock, told, store: retrying(broken, rules, patientRetry(broken.name, clock, patience)) }
}

/** Lets the clock run until the call has failed. @returns the failure and when it came. */
async function failed(clock: ManualClock, call: Promise<unknown>): Promise<[Failure, number]> {
  const ended: { failure?: Failure } = {}
  const done = failureOf(call).then(failure => {
    ended.failure = failure
  })
  while (!ended.failure && clock.ticks() < 600_000) await clock.advance(100)
  await done
  return [ended.failure as Failure, clock.ticks()]
}

describe('a store that never answers', () => {
  it('is told of after three seconds, once, and given up long before a night would', async () => {
    const { clock, told, store } = waitedFor(() => Promise.reject(down()))
    const [failure, atMs] = await failed(clock, store.head('x'))
    expect(failure.code).toBe('store-unreachable')
    expect(failure.message).toMatch(/^cannot look at x \(given up after \d+ attempts in [\d.]+ s\)$/)
    expect(atMs).toBeLessThanOrEqual(30_000)
    expect(told).toEqual([
      [3000, 'waiting for bucket b at host: connect ECONNREFUSED; trying for about 30 s'],
    ])
    expect(clock.waiting()).toBe(0)
  })

  it('has one time for all that is asked of it: what comes later is tried once', async () => {
    const { clock, store } = waitedFor(() => Promise.reject(down()))
    await failed(clock, store.head('x'))
    await clock.advance(30_000)
    const before = clock.ticks()
    const [failure, atMs] = await failed(clock, store.head('y'))
    expect([failure.message, atMs - before <= 100]).toEqual(['cannot look at x', true])
  })

  it('that takes the request and is silent is told of as well', async () => {
    const { clock, told, store } = waitedFor(async () => {
      await clock.sleep(20_000)
      throw down('timed out')
    })
    const [, atMs] = await failed(clock, store.head('x'))
    expect(told.map(([at, line]) => [at, line.split(': ')[1]])).toEqual([
      [3000, 'no answer yet; trying for about 30 s'],
      [21_000, 'timed out; trying for about 30 s'],
    ])
    expect(atMs).toBeLessThan(45_000)
  })

  it('never fills the screen, however many reasons it gives', async () => {
    let n = 0
    const { clock, told, store } = waitedFor(() => Promise.reject(down(`reason ${n++}`)))
    for (let asked = 0; asked < 20; asked++) await failed(clock, store.head('x'))
    expect(told.length).toBeLessThanOrEqual(5)
  })

  it('is not tried again where no waiting helps', async () => {
    const lasting = new Failure('store-unreachable', 'no such host', { facts: { lasting: true } })
    const { clock, told, store } = waitedFor(() => Promise.reject(lasting))
    const [failure] = await failed(clock, store.head('x'))
    expect([failure, told]).toEqual([lasting, []])
  })
})

describe('a store that has answered', () => {
  it.each([
    ['with what was asked', () => Promise.resolve(null)],
    ['with a refusal', () => Promise.reject(new Failure('store-denied', 'no'))],
  ])(
    '%s, and then goes: is waited for as long as a night waits, also by a name that is lost',
    async (_, first) => {
      const gone = new Failure('store-unreachable', 'gone', { facts: { lasting: true } })
      let answer: () => Promise<null> = first
      const { clock, told, store } = waitedFor(() => answer())
      await store.head('x').catch(() => {})
      answer = () => Promise.reject(gone)
      const beforeMs = clock.ticks()
      const [, atMs] = await failed(clock, store.head('x'))
      expect(atMs - beforeMs).toBeGreaterThan(90_000)
      expect(atMs - beforeMs).toBeLessThanOrEqual(120_000)
      expect(told.map(([, line]) => line)).toEqual([expect.stringMatching(/gone; trying for about 120 s$/)])
    },
  )

  it('may take its time over an answer without a word', async () => {
    let slow = false
    const { clock, told, store } = waitedFor(async () => {
      if (slow) await clock.sleep(10_000)
      return null
    })
    await store.head('x')
    slow = true
    const asked = store.head('x')
    await clock.advance(10_000)
    expect([await asked, told]).toEqual([null, []])
  })
})

it('a put is still known by its bytes when its answer was lost', async () => {
  const clock = manualClock(undefined, { skipSleeps: true })
  const memory = memoryStore()
  let lost = true
  const put: typeof memory.put = async (...asked) => {
    const done = await memory.put(...asked)
    if (!lost) return done
    lost = false
    throw down()
  }
  const patience = { budgetMs: 30_000, tell: () => {} }
  const store = retrying({ ...memory, put }, { clock }, patientRetry('m', clock, patience))
  expect(await store.put('x', X, { when: 'absent' })).toEqual({ etag: (await memory.head('x'))?.etag })
})
