// Plans of restores: each is good for a while, for one run, and its approval stays with it.
import { expect, test } from 'vitest'
import { newRunId } from '../../src/domain/ids.js'
import { openRestorePlans } from '../../src/jobs/restore-plans.js'
import { ACME } from '../kit/repository.js'
import { openState } from '../kit/state.js'

const HOUR_MS = 3_600_000

function setUp() {
  const { db, clock } = openState()
  const plans = openRestorePlans(db, clock)
  const made = plans.make({
    subject: ACME,
    request: { backup: 'latest' },
    basis: 'as it was',
    plan: { inPlace: true },
    who: 'kim',
    validMs: HOUR_MS,
  })
  return { plans, clock, id: made.id }
}

test('is good until its time is over, and can still be looked at then', () => {
  const { plans, clock, id } = setUp()
  clock.pass(HOUR_MS - 1)
  expect(plans.usable(id)).toMatchObject({ basis: 'as it was', who: 'kim', run: null, approvedBy: null })
  clock.pass(1)
  for (const tried of [plans.usable, (one: string) => plans.approve(one, 'lee')])
    expect(() => tried(id)).toThrow(expect.objectContaining({ code: 'plan-stale' }))
  expect(plans.get(id).approvedBy).toBeNull()
})

test('is good for one run, whoever comes second', () => {
  const { plans, id } = setUp()
  expect(plans.approve(id, 'lee').approvedBy).toBe('lee')
  const run = newRunId()
  plans.use(id, run)
  expect(() => plans.use(id, newRunId())).toThrow(expect.objectContaining({ code: 'plan-used' }))
  expect(() => plans.usable(id)).toThrow(expect.objectContaining({ code: 'plan-used' }))
  expect(plans.get(id)).toMatchObject({ run, approvedBy: 'lee' })
})

test('is remembered for a while after, and then nobody knows it', () => {
  const { plans, clock, id } = setUp()
  const another = () =>
    plans.make({ subject: ACME, request: {}, basis: '', plan: {}, who: 'kim', validMs: HOUR_MS })
  clock.pass(80 * 24 * HOUR_MS)
  another()
  expect(plans.get(id).id).toBe(id)
  clock.pass(20 * 24 * HOUR_MS)
  another()
  expect(() => plans.get(id)).toThrow(expect.objectContaining({ code: 'plan-unknown' }))
})
