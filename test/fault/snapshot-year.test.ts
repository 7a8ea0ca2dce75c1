// A year of weekly runs (SNAPSHOT_WEEKS=52; a part of one by default). First with a fault in every single call; then with anything:
// snapshots that end in any way and processes that die. What is there in the end is what the policy keeps, nothing was made twice,
// nothing that counted was lost, nothing foreign was touched.

import { afterEach, expect, test } from 'vitest'
import { dice } from '../kit/dice.js'
import { type SnapshotDesk, snapshotDesk } from '../kit/hetzner/desk.js'
import { CHANGING_FAULTS, EVERY_FAULT, faultInEveryCall } from '../kit/hetzner/faults.js'
import { GOOD } from '../kit/hetzner/state.js'

const WEEK_MS = 7 * 86_400_000
const WEEKS = Number(process.env.SNAPSHOT_WEEKS ?? 8)
const KEPT = 5
const SEEDS = (process.env.SNAPSHOT_SEEDS ?? '1').split(',').map(Number)
const START = Date.parse('2026-01-04T05:00:00Z')
let desk: SnapshotDesk

afterEach(() => desk.close())

/** Any call may be hit, and any snapshot may go wrong; the dice are the seed's. */
function misfortune(random: () => number): void {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  desk.fake.faults = call => {
    if (random() > 0.2) return null
    const changes = call.method === 'POST' && /create_image/.test(call.path)
    return pick(changes ? [...EVERY_FAULT, ...CHANGING_FAULTS] : EVERY_FAULT)
  }
  desk.fake.project.fate = () => {
    const ends = random() < 0.8 ? 'available' : pick(['error', 'unavailable', 'vanishes', 'never'] as const)
    const takesMs = 60_000 + Math.floor(random() * 70 * 60_000)
    return { takesMs, hiddenMs: random() < 0.3 ? Math.floor(random() * takesMs) : 0, ends }
  }
}

/** Dies in the middle of one of its calls. */
function mortal(random: () => number): AbortSignal {
  const died = new AbortController()
  const { faults } = desk.fake
  let left = 1 + Math.floor(random() * 25)
  desk.fake.faults = call => {
    if (--left === 0) setImmediate(() => died.abort())
    return faults(call)
  }
  return died.signal
}

const sheets = () => [...desk.store.objects.keys()].filter(key => key.startsWith('platform/snapshots/'))

test.each(SEEDS)(
  'a fault in every call, seed %s: each week has its one snapshot all the same',
  async seed => {
    desk = await snapshotDesk()
    const { project } = desk.fake
    const random = dice(seed)
    const app = project.addServer()
    const foreign = [project.addImage(app), project.addImage(app, { labels: { keep: '' } })]
    const faults = faultInEveryCall(random)
    desk.fake.faults = faults
    project.fate = () => {
      const takesMs = 60_000 + Math.floor(random() * 70 * 60_000)
      return { takesMs, hiddenMs: random() < 0.3 ? Math.floor(random() * takesMs) : 0, ends: 'available' }
    }
    for (let week = 0; week < WEEKS; week++) {
      const { run, failure } = await desk.week({ protect: week % 2 === 0 })
      expect([week, run.outcome, failure]).toEqual([week, 'succeeded', null])
      expect(project.made).toHaveLength(week + 1)
      const next = START + (week + 1) * WEEK_MS
      await desk.clock.advance(Math.max(0, next - desk.clock.now().getTime()))
    }
    const left = [...project.images.values()].filter(one => !foreign.includes(one))
    expect(left, 'exactly the newest five').toEqual(project.made.slice(-KEPT))
    expect(foreign.every(one => project.images.has(one.id))).toBe(true)
    expect([sheets().length, desk.events('snapshot-made').length]).toEqual([Math.min(KEPT, WEEKS), WEEKS])
    expect(desk.fake.violations).toEqual([])
    console.info(
      `seed ${seed}: ${WEEKS} weeks, ${desk.fake.calls.length} requests, ${faults.met} of them met a fault`,
    )
  },
)

test.each(SEEDS)('with the dice of seed %s', async seed => {
  desk = await snapshotDesk()
  const { project } = desk.fake
  const random = dice(seed)
  const app = project.addServer()
  const foreign = [project.addImage(app), project.addImage(app, { labels: { keep: '' } })]
  const ends = { succeeded: 0, failed: 0, interrupted: 0 }
  for (let week = 0; week < WEEKS; week++) {
    for (let tries = 0; tries < 3; tries++) {
      misfortune(random)
      const crash = random() < 0.2 ? mortal(random) : undefined
      const { run } = await desk.week({}, crash)
      ends[run.outcome as keyof typeof ends]++
      if (run.outcome === 'succeeded') break
    }
    const next = START + (week + 1) * WEEK_MS
    await desk.clock.advance(Math.max(0, next - desk.clock.now().getTime()))
  }
  desk.fake.faults = () => null
  project.fate = () => GOOD
  expect((await desk.week()).failure).toBeNull()

  const whole = project.made.filter(one => one.status === 'available')
  const weekOf = (created: string) => Math.floor((Date.parse(created) - START) / WEEK_MS)
  const weeks = whole.map(one => weekOf(one.created))
  expect(new Set(weeks).size, 'one snapshot a week at most').toBe(weeks.length)
  const left = [...project.images.values()].filter(
    one => one.status === 'available' && !foreign.includes(one),
  )
  expect(left, 'exactly the newest five').toEqual(whole.slice(-KEPT))
  // One that never became whole counts for nothing, and may go before.
  for (const { image, at } of project.deleted.filter(one => one.image.status === 'available')) {
    const gone = project.deleted.filter(one => one.at < at).map(one => one.image)
    const newer = whole.filter(one => one.created > image.created && Date.parse(one.created) < at.getTime())
    expect(newer.filter(one => !gone.includes(one)).length, 'five newer ones stood').toBeGreaterThanOrEqual(
      KEPT,
    )
  }
  expect(foreign.every(one => project.images.has(one.id))).toBe(true)
  expect(sheets()).toHaveLength(Math.min(KEPT, whole.length))
  expect(desk.fake.violations).toEqual([])
  expect(whole.length, 'many weeks have one for all that').toBeGreaterThan(WEEKS * 0.4)
  console.info(
    `seed ${seed}: ${JSON.stringify(ends)}, ${whole.length} snapshots, ${desk.fake.calls.length} calls`,
  )
})
