// The second try while the server is away: what each of a night's tenants is told to have failed of.
import { expect, test } from 'vitest'
import { asFailure, Failure } from '../../src/domain/errors.js'
import type { JobContext, Parts } from '../../src/jobs/parts.js'
import { secondTries } from '../../src/jobs/second-try.js'
import { systemClock } from '../../src/sys/clock.js'
import { NO_SERVER } from '../kit/api.js'
import { until } from '../kit/clock.js'

const PAUSE_MS = 77_000

/** A night whose server is not there. */
function awayNight(sleep: Parts['clock']['sleep'], retryPauseMs = PAUSE_MS, serverWaitMs = PAUSE_MS) {
  const stop = new AbortController()
  const clock: Parts['clock'] = { ...systemClock, sleep }
  const config = { dump: { retryPauseMs }, postgres: NO_SERVER }
  const told: string[] = []
  const context = {
    signal: stop.signal,
    emit: ({ type, facts }: { type: string; facts: { outcome: string } }) =>
      told.push(`${type}: ${facts.outcome}`),
  }
  const twice = secondTries(
    { clock, config } as unknown as Parts,
    context as unknown as JobContext,
    serverWaitMs,
  )
  return { twice, told, stop }
}

/** Each pause lasts until the test ends it. */
function heldNight() {
  const pauses: (() => void)[] = []
  return { ...awayNight(() => new Promise(resolve => void pauses.push(resolve))), pauses }
}

/** Fails of each in turn, and keeps count; where a gate is given, not before that is open. */
function failing(codes: ConstructorParameters<typeof Failure>[0][], gate = { open: true }) {
  const done = { times: 0 }
  const attempt = async (): Promise<never> => {
    await until(() => gate.open)
    throw new Failure(codes[done.times++] ?? 'unexpected', `attempt ${done.times}`)
  }
  return { attempt, done }
}

const endOf = (trying: Promise<unknown>) =>
  trying.then(
    () => 'done',
    thrown => `${asFailure(thrown).code}: ${asFailure(thrown).message}`,
  )

test('the server stays away: who failed of something else is told that, not the absence of the server', async () => {
  const { twice, told, pauses } = heldNight()
  const gate = { open: false }
  const lost = failing(['postgres-unreachable'])
  const busy = failing(['store-busy'], gate)
  const ends = [twice(lost.attempt), twice(busy.attempt)].map(endOf)
  await until(() => pauses.length === 1)
  gate.open = true
  const late = failing([])
  ends.push(endOf(twice(late.attempt)))
  await until(() => busy.done.times === 1)
  pauses[0]?.()
  const away = expect.stringMatching(/^postgres-unreachable: .* \(waited for it \d+ s\)$/)
  expect(await Promise.all(ends)).toEqual([away, 'store-busy: attempt 1', away])
  expect([lost, busy, late].map(({ done }) => done.times)).toEqual([1, 1, 0])
  expect(told).toEqual(['server-away: waiting', 'server-away: away'])
})

test('a pause of its own that ends while the server is waited for: nothing is begun before it is back', async () => {
  const { twice, pauses } = heldNight()
  const busy = failing(['store-busy'])
  const trying = endOf(twice(busy.attempt))
  await until(() => pauses.length === 1)
  const lost = endOf(twice(failing(['postgres-unreachable']).attempt))
  await until(() => pauses.length === 2)
  pauses[0]?.()
  pauses[1]?.()
  expect(await trying).toBe('store-busy: attempt 1')
  expect(await lost).toContain('postgres-unreachable')
  expect(busy.done.times).toBe(1)
})

test('a run that is stopped meanwhile fails of that, whatever a tenant failed of before', async () => {
  const { twice, pauses, stop } = heldNight()
  const gate = { open: false }
  const busy = failing(['store-busy'], gate)
  const ends = [twice(failing(['postgres-unreachable']).attempt), twice(busy.attempt)].map(endOf)
  await until(() => pauses.length === 1)
  gate.open = true
  await until(() => busy.done.times === 1)
  stop.abort(new Failure('cancelled', 'stopped by maria'))
  pauses[0]?.()
  expect(await Promise.all(ends)).toEqual(Array(2).fill('cancelled: stopped by maria'))
})

test.each([
  ['a part of a pause is left at the end', 30, 70, [30, 30, 10]],
  ['a wait shorter than a pause', 30, 20, [20]],
  ['no wait: the pause of a second try', 30, 0, [30]],
  ['no pause', 0, 70, [0]],
])('the server is waited for as long as is said: %s', async (_what, pauseMs, waitMs, expected) => {
  const slept: number[] = []
  const { twice } = awayNight(async ms => void slept.push(ms), pauseMs, waitMs)
  expect(await endOf(twice(failing(['postgres-unreachable']).attempt))).toContain('waited for it')
  expect(slept).toEqual(expected)
})
