// Cron arithmetic against node-cron's own matcher, and over every change of the clocks that zones have thought of.
import fc from 'fast-check'
import { createTask } from 'node-cron'
import { describe, expect, test } from 'vitest'
import { changes, instantsOf, knownZone, localOf, offsetMs, offsetsAround } from '../../src/domain/zone.js'
import { everyHour, lastDue, matches, nextDue, parseCron } from '../../src/jobs/cron.js'

const ZONES = [
  'UTC',
  'Europe/Paris',
  'America/New_York',
  'America/Santiago',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'America/Havana',
  'Pacific/Chatham',
]
const zone = fc.constantFrom(...ZONES)
const instant = fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2031, 0) }).map(ms => new Date(ms))

const field = (min: number, max: number) =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min, max }).map(String),
    fc
      .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
      .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.integer({ min: 2, max: 9 }).map(step => `*/${step}`),
    fc.array(fc.integer({ min, max }), { minLength: 1, maxLength: 3 }).map(list => list.join(',')),
  )
const cronText = fc
  .record({
    minute: field(0, 59),
    hour: field(0, 23),
    dom: field(1, 28),
    month: field(1, 12),
    dow: field(0, 7),
    byDay: fc.boolean(),
  })
  .map(
    ({ minute, hour, dom, month, dow, byDay }) =>
      `${minute} ${hour} ${byDay ? '*' : dom} ${month} ${byDay ? dow : '*'}`,
  )

/** Every instant that is due in a span, by looking at each minute: slow and obviously right. */
function bruteForce(text: string, inZone: string, from: number, to: number): number[] {
  const cron = parseCron(text)
  const found: number[] = []
  const seen = new Set<number>()
  for (let at = from; at <= to; at += 60_000) {
    const local = localOf(inZone, at)
    const jump = local - localOf(inZone, at - 60_000) - 60_000
    const skipped = (): boolean => {
      for (let l = local - jump; l < local; l += 60_000) if (matches(cron, l)) return true
      return false
    }
    const again = seen.has(local) && !everyHour(cron)
    const moved = jump > 0 && !everyHour(cron) && skipped()
    if ((matches(cron, local) && !again) || moved) found.push(at)
    seen.add(local)
  }
  return found
}

describe('lastDue and nextDue', () => {
  test('lastDue ≤ now < nextDue, and nothing is due between', () => {
    fc.assert(
      fc.property(cronText, zone, instant, (text, where, now) => {
        const cron = parseCron(text)
        const last = lastDue(cron, where, now)
        const next = nextDue(cron, where, now)
        if (!last || !next) throw new Error('every generated expression comes due')
        expect(last.getTime()).toBeLessThanOrEqual(now.getTime())
        expect(next.getTime()).toBeGreaterThan(now.getTime())
        expect(nextDue(cron, where, last)).toEqual(next)
        expect(lastDue(cron, where, new Date(next.getTime() - 1))).toEqual(last)
        expect(lastDue(cron, where, next)).toEqual(next)
      }),
      { numRuns: 400 },
    )
  })

  test('each due instant is one that node-cron matches, or the first after a gap that held one', () => {
    fc.assert(
      fc.property(cronText, zone, instant, (text, where, now) => {
        const cron = parseCron(text)
        const due = nextDue(cron, where, now)
        if (!due) throw new Error('it comes due')
        const task = createTask(text, () => {}, { timezone: where })
        const moved = changes(where, due.getTime() - 1, due.getTime()).length > 0
        expect(task.match(due) || moved).toBe(true)
        task.destroy()
      }),
      { numRuns: 300 },
    )
  })

  test('around each change of the clocks they agree with looking at every minute', () => {
    const hours = fc.oneof(fc.constant('*'), fc.constantFrom('0', '1', '2', '3', '2-3', '*/2', '23'))
    fc.assert(
      fc.property(
        zone,
        hours,
        fc.constantFrom('0', '30', '*/15'),
        fc.nat(20),
        (where, hour, minute, pick) => {
          const all = changes(where, Date.UTC(2026, 0), Date.UTC(2030, 0))
          const change = all[pick % Math.max(1, all.length)] ?? Date.UTC(2026, 5)
          const [from, to] = [change - 26 * 3_600_000, change + 26 * 3_600_000]
          const text = `${minute} ${hour} * * *`
          const cron = parseCron(text)
          const found: number[] = []
          for (
            let at = nextDue(cron, where, new Date(from));
            at && at.getTime() <= to;
            at = nextDue(cron, where, at)
          )
            found.push(at.getTime())
          // Brute force starts three hours earlier, so that it knows which readings it has seen before.
          expect(found).toEqual(bruteForce(text, where, from - 3_600_000 * 3, to).filter(at => at > from))
        },
      ),
      { numRuns: 20 },
    )
  })

  test.each([
    ['30 2 * * *', 'Europe/Paris', '2027-03-28T00:00:00Z', '2027-03-28T01:00:00Z'],
    ['30 1 * * *', 'Europe/Paris', '2027-03-28T00:00:00Z', '2027-03-28T00:30:00Z'],
    ['30 2 * * *', 'Europe/Paris', '2026-10-24T23:00:00Z', '2026-10-25T00:30:00Z'],
    ['30 2 * * *', 'Europe/Paris', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
    ['30 * * * *', 'Europe/Paris', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'],
    ['0 0 29 2 *', 'UTC', '2028-02-29T00:00:00Z', '2032-02-29T00:00:00Z'],
    ['0 3 * * 7', 'UTC', '2026-11-23T00:00:00Z', '2026-11-29T03:00:00Z'],
  ])('%s in %s after %s is %s', (text, where, after, due) => {
    expect(nextDue(parseCron(text), where, new Date(after))).toEqual(new Date(due))
  })
})

describe('parseCron', () => {
  test.each([
    '',
    '30 1 * *',
    '0 30 1 * * *',
    '60 1 * * *',
    '30 1 L * *',
    '30 1 * * 1#2',
    '30 1 1 * 1',
    '0 0 31 2 *',
    '@daily',
    'x x x x x',
  ])('refuses "%s"', text => {
    expect(() => parseCron(text)).toThrow(expect.objectContaining({ code: 'config-invalid' }))
  })

  test('reads names, 7 as Sunday, steps and lists', () => {
    expect(parseCron('*/20 9-11 * jan-mar mon,7')).toMatchObject({
      minutes: [0, 20, 40],
      hours: [9, 10, 11],
      months: new Set([1, 2, 3]),
      daysOfWeek: new Set([0, 1]),
    })
  })
})

describe('zones', () => {
  test('an instant and its reading agree', () => {
    fc.assert(
      fc.property(zone, instant, (where, at) => {
        const local = localOf(where, at.getTime())
        const back = instantsOf(offsetsAround(where, local, 0), local)
        const instants = back.kind === 'once' ? [back.instant] : back.kind === 'twice' ? back.instants : []
        expect(instants).toContain(at.getTime())
      }),
    )
  })

  /** Said by Intl in words, `GMT+05:30`; ours is reckoned from the wall clock. */
  const saidMs = (where: string, at: number): number => {
    const parts = new Intl.DateTimeFormat('en', { timeZone: where, timeZoneName: 'longOffset' })
    const said = parts.formatToParts(at).find(part => part.type === 'timeZoneName')?.value ?? ''
    const [, sign, hours, minutes] = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(said) ?? ['', '?']
    return (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000
  }

  test('an offset is what Intl says, at any instant and to the millisecond around a change', () => {
    fc.assert(
      fc.property(zone, instant, (where, at) => {
        const year = changes(where, at.getTime(), at.getTime() + 366 * 86_400_000)
        for (const one of [at.getTime(), ...year.flatMap(change => [change - 1, change])])
          expect([one, offsetMs(where, one)]).toEqual([one, saidMs(where, one)])
      }),
    )
  })

  test('half-hour changes are seen', () => {
    const steps = changes('Australia/Lord_Howe', Date.UTC(2026, 0), Date.UTC(2027, 0)).map(
      at => offsetMs('Australia/Lord_Howe', at) - offsetMs('Australia/Lord_Howe', at - 1),
    )
    expect(steps).toEqual([-1_800_000, 1_800_000])
  })

  test('names are checked', () => {
    expect([knownZone('Europe/Paris'), knownZone('Europe/Pariss'), knownZone('')]).toEqual([
      true,
      false,
      false,
    ])
  })
})
