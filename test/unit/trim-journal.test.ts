// The old end of the journal: what goes, what every reader still finds, and a file that does not grow for ever.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventType, NewEvent } from '../../src/domain/events.js'
import { MASTER, type SubjectId, tenantSubject } from '../../src/domain/subject.js'
import { openOldEvents } from '../../src/jobs/old-events.js'
import { trimJournal } from '../../src/jobs/trim-journal.js'
import { type EventHead, eventsToForget, mayOldOnesFollow } from '../../src/retention/plan-journal.js'
import { DAY_MS } from '../kit/copies.js'
import { openState } from '../kit/state.js'

const ACME = tenantSubject('acme', '').id
const KEEP_MS = 400 * DAY_MS
const START = Date.parse('2026-01-01T00:00:00Z')
const STAYING = [
  'swap-step',
  'swap-finished',
  'swap-repaired',
  'archive-stored',
  'snapshot-made',
  'run-finished',
  'run-cancelled',
]
const PASSING = [
  'backup-started',
  'backup-committed',
  'backup-failed',
  'chunk-removal',
  'removal-locked',
  'drift',
]

interface Told {
  type: EventType
  subject: SubjectId | null
  day: number
}
const told = fc.record({
  type: fc.constantFrom(...STAYING, ...PASSING) as fc.Arbitrary<EventType>,
  subject: fc.constantFrom(ACME, MASTER, null),
  day: fc.integer({ min: 0, max: 1_000 }),
})
const journals = fc.array(told, { maxLength: 40 }).map(all => all.sort((a, b) => a.day - b.day))

const instant = (day: number) => new Date(START + day * DAY_MS)
const sameKind = (a: Told) => (b: Told) => a.type === b.type && a.subject === b.subject

function headsOf(journal: readonly Told[]): EventHead[] {
  return journal.map((one, at) => ({
    seq: at + 1,
    at: instant(one.day),
    type: one.type,
    superseded: journal.slice(at + 1).some(sameKind(one)),
  }))
}

/** One a day. */
const daily = (days: number): Told[] =>
  Array.from({ length: days }, (_, day) => ({ type: 'drift', subject: null, day }))

function tell({ journal, clock }: ReturnType<typeof openState>, all: readonly Told[]): void {
  for (const { type, subject, day } of all) {
    clock.set(instant(day))
    journal.event({ type, run: null, subject, facts: { day } } as unknown as NewEvent)
  }
}

async function trim(
  { db, clock, journal }: ReturnType<typeof openState>,
  signal = new AbortController().signal,
) {
  const emit = (event: object) => void journal.event({ run: null, subject: null, ...event } as NewEvent)
  await trimJournal({ clock, oldEvents: openOldEvents(db) }, KEEP_MS, { signal, emit })
}

describe('the plan', () => {
  test('lets go what is old, was said again since, and is asked for by nobody: nothing else', () => {
    fc.assert(
      fc.property(journals, fc.integer({ min: 0, max: 1_000 }), (journal, day) => {
        const gone = new Set(eventsToForget(headsOf(journal), instant(day)))
        journal.forEach((one, at) => {
          const again = journal.slice(at + 1).some(sameKind(one))
          expect(gone.has(at + 1)).toBe(one.day < day && again && PASSING.includes(one.type))
        })
      }),
    )
  })

  test('the search ends at a young event; one from the future says nothing', () => {
    const [before, now] = [instant(100), instant(500)]
    const at = (...days: number[]) => headsOf(days.map(day => ({ type: 'drift', subject: null, day })))
    expect(mayOldOnesFollow(at(), before, now)).toBe(false)
    expect(mayOldOnesFollow(at(1, 99), before, now)).toBe(true)
    expect(mayOldOnesFollow(at(1, 100), before, now)).toBe(false)
    expect(mayOldOnesFollow(at(1, 501), before, now)).toBe(true)
  })
})

describe('the journal', () => {
  test('answers what is asked of it as before', async () => {
    await fc.assert(
      fc.asyncProperty(journals, async journal => {
        const here = openState()
        tell(here, journal)
        const answers = () =>
          [ACME, MASTER].flatMap(subject => [
            ...PASSING.map(type => here.journal.lastEvent(subject, [type as EventType])),
            here.journal.lastEvent(subject, ['backup-started', 'backup-committed', 'backup-failed']),
            here.journal.eventsAbout(subject, STAYING as EventType[]),
            here.journal.eventsAbout(null, STAYING as EventType[]),
            here.journal.swapEvents(),
          ])
        const before = answers()
        here.clock.set(instant(1_000))
        await trim(here)
        expect(answers()).toEqual(before)
        const old = here.journal.events().filter(event => Date.parse(event.at) < instant(600).getTime())
        for (const one of old.filter(({ type }) => PASSING.includes(type)))
          expect(
            here.journal
              .events({ afterSeq: one.seq })
              .some(({ type, subject }) => type === one.type && subject === one.subject),
          ).toBe(false)
      }),
      { numRuns: 25 },
    )
  })

  test('a page of which nothing may go does not end the search', async () => {
    const here = openState()
    const type = (at: number): EventType => (at < 150 ? 'swap-step' : 'drift')
    tell(
      here,
      Array.from({ length: 160 }, (_, at) => ({ type: type(at), subject: null, day: at })),
    )
    here.clock.set(instant(1_000))
    await trim(here)
    expect(here.journal.events({ types: ['drift'] })).toHaveLength(1)
    expect(here.journal.swapEvents()).toHaveLength(150)
  })

  test('keeps its size: pages go back to the disk, and what is left is whole', async () => {
    const here = openState()
    const pages = () => (here.db.prepare('PRAGMA page_count').get() as { page_count: number }).page_count
    const empty = pages()
    const chunks = Array.from({ length: 100 }, (_, at) => `${at}`.padStart(12, '0'))
    for (let night = 0; night < 1_000; night++) {
      here.clock.set(instant(night))
      const facts = { reason: 'x', count: 100, storedBytes: 1, chunks }
      here.journal.event({ type: 'chunk-removal', run: null, subject: ACME, facts })
    }
    here.journal.audit({
      who: 'cli root',
      action: 'restore',
      target: 'acme',
      outcome: 'allowed',
      detail: null,
    })
    const full = pages()
    await trim(here)
    expect(here.journal.events({ types: ['chunk-removal'] })).toHaveLength(401)
    expect(here.journal.events({ types: ['journal-trimmed'] })).toMatchObject([
      { subject: null, facts: { before: instant(599).toISOString(), events: 599 } },
    ])
    expect(here.journal.auditLines()).toHaveLength(1)
    expect(pages() - empty).toBeLessThan((full - empty) * 0.5)
    expect(here.db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    // The second one finds nothing to do, and says nothing.
    await trim(here)
    expect(here.journal.events({ types: ['journal-trimmed'] })).toHaveLength(1)
  })

  test('lets nothing go that is younger, whoever asks, and of the audit nothing at all', async () => {
    const here = openState()
    here.journal.audit({ who: 'x', action: 'x', target: 'x', outcome: 'allowed', detail: null })
    tell(
      here,
      [0, 1, 500].map(day => ({ type: 'drift', subject: null, day })),
    )
    here.clock.set(instant(600))
    await trim(here)
    expect(here.journal.events({ types: ['drift'] })).toMatchObject([{ seq: 3 }])
    for (const table of ['events', 'audit'])
      expect(() => here.db.exec(`delete from ${table}`)).toThrow(/append-only/)
  })

  test('stops between two steps, and goes on the next time', async () => {
    const here = openState()
    tell(here, daily(1_000))
    here.clock.set(instant(2_000))
    const stop = new AbortController()
    stop.abort(new Error('the daemon stops'))
    await expect(trim(here, stop.signal)).rejects.toThrow('the daemon stops')
    const left = here.journal.events({ types: ['drift'], limit: 2_000 }).length
    expect([left < 1_000, left > 1]).toEqual([true, true])
    await trim(here)
    expect(here.journal.events({ types: ['drift'] })).toHaveLength(1)
  })

  test('lets others have their turn after a few events', async () => {
    const here = openState()
    tell(here, daily(200))
    here.clock.set(instant(2_000))
    const left = () => (here.db.prepare('select count(*) as n from events').get() as { n: number }).n
    const seen = [left()]
    const sleep = async () => void seen.push(left())
    await trim({ ...here, clock: { ...here.clock, sleep } })
    const steps = seen.slice(1).map((now, at) => (seen[at] ?? 0) - now)
    expect(Math.max(...steps)).toBeLessThanOrEqual(25)
  })

  test('forgets what old runs had to say, not that they were', async () => {
    const here = openState()
    const runs = [0, 900].map(day => {
      here.clock.set(instant(day))
      const { id } = here.journal.startRun({ job: 'sweep', trigger: 'manual' })
      here.journal.finishRun(id, { outcome: 'succeeded', report: { day } })
      return id
    })
    here.clock.set(instant(1_000))
    await trim(here)
    expect(runs.map(id => here.journal.report(id))).toEqual([null, { day: 900 }])
    expect(here.journal.runs()).toHaveLength(2)
    expect(here.journal.events({ types: ['run-finished'] })).toHaveLength(2)
  })
})
