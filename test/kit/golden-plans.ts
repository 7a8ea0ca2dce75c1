// Golden plans: each says all copies, and for each of them the verdict with every reason, newest first.
import type { KeepRule } from '../../src/domain/retention-policy.js'
import { DAY_MS } from './copies.js'

export interface Golden {
  name: string
  rule?: Partial<KeepRule>
  now?: string
  zone?: string
  minimum?: number
  departed?: { since: string; keep?: Partial<KeepRule>; holdDays?: number }
  lastRunFailed?: string
  copies: string
  /** Newest first. */
  plan: string
}

export const GOLDEN_PLANS: Golden[] = [
  {
    name: 'two days are kept of three',
    copies: `a 2026-11-23T00:30Z
             b 2026-11-24T00:30Z
             c 2026-11-25T00:30Z`,
    plan: `c keep daily newest minimum
           b keep daily
           a remove beyond`,
  },
  {
    name: 'the newest of a day stands for it',
    copies: `a 2026-11-24T00:30Z
             b 2026-11-24T09:00Z
             c 2026-11-25T00:30Z`,
    plan: `c keep daily newest minimum
           b keep daily
           a remove outranked`,
  },
  {
    name: 'one alone is kept whatever the rule says',
    rule: { last: 0, withinMs: 1 },
    copies: 'a 2020-01-01T00:00Z',
    plan: 'a keep newest minimum',
  },
  {
    name: 'days are of the zone: 23:30 UTC is already the next day in Paris',
    copies: `a 2026-11-23T22:30Z
             b 2026-11-23T23:30Z
             c 2026-11-24T22:30Z`,
    plan: `c keep daily newest minimum
           b remove outranked
           a keep daily`,
  },
  {
    name: 'the same copies in UTC are other days',
    zone: 'UTC',
    copies: `a 2026-11-23T22:30Z
             b 2026-11-23T23:30Z
             c 2026-11-24T22:30Z`,
    plan: `c keep daily newest minimum
           b keep daily
           a remove outranked`,
  },
  {
    name: 'a day of 23 hours: what is before and after the gap is one day',
    now: '2026-03-30T12:00Z',
    copies: `a 2026-03-28T23:30Z
             b 2026-03-29T00:59Z
             c 2026-03-29T01:01Z
             d 2026-03-29T21:59Z
             e 2026-03-29T22:01Z`,
    plan: `e keep daily newest minimum
           d keep daily
           c remove outranked
           b remove outranked
           a remove outranked`,
  },
  {
    name: 'a day of 25 hours is one day to its last minute',
    now: '2026-10-26T12:00Z',
    copies: `a 2026-10-24T21:59Z
             b 2026-10-24T22:01Z
             c 2026-10-25T22:59Z
             d 2026-10-25T23:01Z`,
    plan: `d keep daily newest minimum
           c keep daily
           b remove outranked
           a remove beyond`,
  },
  {
    name: 'an hour that the clock shows twice is two hours',
    now: '2026-10-26T12:00Z',
    rule: { hourly: 3 },
    copies: `a 2026-10-24T23:30Z
             b 2026-10-25T00:30Z
             c 2026-10-25T01:30Z
             d 2026-10-25T02:30Z`,
    plan: `d keep hourly newest minimum
           c keep hourly
           b keep hourly
           a remove beyond`,
  },
  {
    name: 'hours of a zone that is half an hour off',
    zone: 'Asia/Kolkata',
    rule: { hourly: 2 },
    copies: `a 2026-11-24T00:20Z
             b 2026-11-24T00:40Z
             c 2026-11-24T01:20Z
             d 2026-11-24T01:40Z`,
    plan: `d keep hourly newest minimum
           c keep hourly
           b remove outranked
           a remove beyond`,
  },
  {
    name: 'midnight that comes twice does not make a day twice',
    zone: 'America/Havana',
    now: '2026-11-02T12:00Z',
    copies: `a 2026-10-31T12:00Z
             b 2026-11-01T04:30Z
             c 2026-11-01T05:30Z
             d 2026-11-01T12:00Z`,
    plan: `d keep daily newest minimum
           c remove outranked
           b remove outranked
           a keep daily`,
  },
  {
    name: 'a leap day is a day of its own',
    now: '2028-03-01T12:00Z',
    copies: `a 2028-02-28T12:00Z
             b 2028-02-29T12:00Z
             c 2028-03-01T11:00Z`,
    plan: `c keep daily newest minimum
           b keep daily
           a remove beyond`,
  },
  {
    name: 'a leap day is in February',
    now: '2028-03-01T12:00Z',
    rule: { monthly: 2 },
    copies: `a 2028-02-28T12:00Z
             b 2028-02-29T12:00Z
             c 2028-03-01T11:00Z`,
    plan: `c keep monthly newest minimum
           b keep monthly
           a remove outranked`,
  },
  {
    name: 'a week begins on Monday',
    rule: { weekly: 2 },
    copies: `a 2026-11-15T12:00Z
             b 2026-11-16T12:00Z
             c 2026-11-22T12:00Z
             d 2026-11-23T12:00Z`,
    plan: `d keep weekly newest minimum
           c keep weekly
           b remove outranked
           a remove beyond`,
  },
  {
    name: 'the week of New Year belongs to the year of its Thursday',
    now: '2027-01-05T12:00Z',
    rule: { weekly: 3 },
    copies: `a 2026-12-27T12:00Z
             b 2026-12-28T12:00Z
             c 2026-12-31T12:00Z
             d 2027-01-03T12:00Z
             e 2027-01-04T12:00Z`,
    plan: `e keep weekly newest minimum
           d keep weekly
           c remove outranked
           b remove outranked
           a keep weekly`,
  },
  {
    name: 'years',
    rule: { yearly: 2 },
    copies: `a 2024-12-31T12:00Z
             b 2025-01-01T12:00Z
             c 2025-12-31T12:00Z
             d 2026-01-01T12:00Z`,
    plan: `d keep yearly newest minimum
           c keep yearly
           b remove outranked
           a remove beyond`,
  },
  {
    name: 'a year begins when the clock of the zone says so',
    rule: { yearly: 1 },
    copies: `a 2025-12-31T22:59Z
             b 2025-12-31T23:01Z`,
    plan: `b keep yearly newest minimum
           a remove beyond`,
  },
  {
    name: 'a month without backups uses up none of the months',
    rule: { monthly: 3 },
    copies: `a 2026-03-10T12:00Z
             b 2026-04-10T12:00Z
             c 2026-06-10T12:00Z
             d 2026-11-10T12:00Z`,
    plan: `d keep monthly newest minimum
           c keep monthly
           b keep monthly
           a remove beyond`,
  },
  {
    name: 'each line of a rule keeps on its own, and all that keep are named',
    rule: { last: 1, daily: 1, weekly: 2, monthly: 2, yearly: 1 },
    copies: `a 2026-10-31T12:00Z
             b 2026-11-20T12:00Z
             c 2026-11-24T12:00Z`,
    plan: `c keep last daily weekly monthly yearly newest minimum
           b keep weekly
           a keep monthly`,
  },
  {
    name: 'the last ones are counted, whatever their day',
    rule: { last: 2 },
    copies: `a 2026-11-25T01:00Z
             b 2026-11-25T02:00Z
             c 2026-11-25T03:00Z`,
    plan: `c keep last newest minimum
           b keep last
           a remove beyond`,
  },
  {
    name: 'two in one second: the later millisecond is newer',
    rule: { last: 1 },
    copies: `a 2026-11-25T01:00:00.200Z
             b 2026-11-25T01:00:00.100Z`,
    plan: `a keep last newest minimum
           b remove beyond`,
  },
  {
    name: 'two of one instant: their ids decide, so the answer is always the same',
    rule: { last: 1 },
    copies: `a 2026-11-25T01:00:00Z
             b 2026-11-25T01:00:00Z`,
    plan: `b keep last newest minimum
           a remove beyond`,
  },
  {
    name: 'by age: one millisecond decides',
    rule: { withinMs: 30 * DAY_MS },
    copies: `a 2026-10-26T12:00:00.000Z
             b 2026-10-26T12:00:00.001Z
             c 2026-11-25T00:00Z`,
    plan: `c keep within newest minimum
           b keep within
           a remove expired`,
  },
  {
    name: 'copies before a restore go by their age, and stand for no night',
    rule: { daily: 1 },
    copies: `a 2026-10-20T01:00Z before-restore
             b 2026-11-20T01:00Z before-restore
             c 2026-11-20T00:30Z
             d 2026-11-21T00:30Z`,
    plan: `d keep daily newest minimum
           b keep within
           c remove beyond
           a remove expired`,
  },
  {
    name: 'a copy before a restore can be the newest',
    rule: { daily: 1 },
    now: '2027-06-01T00:00Z',
    copies: `a 2026-11-20T00:30Z
             b 2026-11-21T00:30Z before-restore`,
    plan: `b keep newest minimum
           a keep daily`,
  },
  {
    name: 'each kind has its own rule: one by hand does not push a night out',
    rule: { last: 1 },
    copies: `a 2026-11-23T01:00Z
             b 2026-11-24T01:00Z
             c 2026-11-24T12:00Z manual
             d 2026-11-24T13:00Z manual`,
    plan: `d keep last newest minimum
           c remove beyond
           b keep last
           a remove beyond`,
  },
  {
    name: 'a kind that the policy does not know is kept for ever',
    copies: `a 2010-01-01T01:00Z before-migration
             b 2026-11-24T01:00Z`,
    plan: `b keep daily newest minimum
           a keep no-rule`,
  },
  {
    name: 'a pin holds what the rule lets go',
    rule: { daily: 1 },
    copies: `a 2026-11-01T01:00Z pin
             b 2026-11-02T01:00Z
             c 2026-11-24T01:00Z`,
    plan: `c keep daily newest minimum
           b remove beyond
           a keep pin`,
  },
  {
    name: 'a pinned copy stands for its day like any other',
    copies: `a 2026-11-24T01:00Z
             b 2026-11-24T02:00Z pin
             c 2026-11-25T01:00Z`,
    plan: `c keep daily newest minimum
           b keep daily pin
           a remove outranked`,
  },
  {
    name: 'the newest proven one stays, older proven ones may go',
    rule: { daily: 1 },
    copies: `a 2026-11-01T01:00Z proven
             b 2026-11-02T01:00Z proven
             c 2026-11-03T01:00Z
             d 2026-11-24T01:00Z`,
    plan: `d keep daily newest minimum
           c remove beyond
           b keep newest-proven
           a remove beyond`,
  },
  {
    name: 'nothing is removed when the last run failed',
    rule: { daily: 1 },
    lastRunFailed: 'the run of 01:30 failed',
    copies: `a 2026-11-22T01:00Z
             b 2026-11-23T01:00Z
             c 2026-11-24T01:00Z`,
    plan: `c keep daily newest minimum last-run-failed
           b keep last-run-failed
           a keep last-run-failed`,
  },
  {
    name: 'the minimum holds where the rule keeps less',
    rule: { daily: 1 },
    minimum: 3,
    copies: `a 2026-11-21T01:00Z
             b 2026-11-22T01:00Z
             c 2026-11-23T01:00Z
             d 2026-11-24T01:00Z`,
    plan: `d keep daily newest minimum
           c keep minimum
           b keep minimum
           a remove beyond`,
  },
  {
    name: 'the minimum is of sound copies',
    rule: { daily: 1 },
    minimum: 2,
    copies: `a 2026-11-21T01:00Z
             b 2026-11-22T01:00Z
             c 2026-11-23T01:00Z unreadable
             d 2026-11-24T01:00Z`,
    plan: `d keep daily newest minimum
           c keep unreadable
           b keep minimum
           a remove beyond`,
  },
  {
    name: 'a damaged copy stands for no day, and is kept while healing may give it back',
    copies: `a 2026-11-22T01:00Z
             b 2026-11-23T01:00Z
             c 2026-11-24T01:00Z
             d 2026-11-25T01:00Z damaged`,
    plan: `d keep damaged
           c keep daily newest minimum
           b keep daily
           a remove beyond`,
  },
  {
    name: 'a damaged copy that would not be kept when healed goes',
    copies: `a 2026-11-22T01:00Z damaged
             b 2026-11-23T01:00Z
             c 2026-11-24T01:00Z
             d 2026-11-25T01:00Z`,
    plan: `d keep daily newest minimum
           c keep daily
           b remove beyond
           a remove damaged`,
  },
  {
    name: 'a proof of what is damaged since then counts for nothing',
    rule: { daily: 1 },
    copies: `a 2026-11-21T01:00Z proven
             b 2026-11-22T01:00Z proven damaged
             c 2026-11-24T01:00Z`,
    plan: `c keep daily newest minimum
           b keep damaged
           a keep newest-proven`,
  },
  {
    name: 'all are damaged: all are kept that a healing would keep',
    copies: `a 2026-11-23T01:00Z damaged
             b 2026-11-24T01:00Z damaged
             c 2026-11-25T01:00Z damaged`,
    plan: `c keep damaged
           b keep damaged
           a remove damaged`,
  },
  {
    name: 'what nobody can read is never removed',
    copies: `a 2016-11-23T01:00Z unreadable
             b 2026-11-24T01:00Z`,
    plan: `b keep daily newest minimum
           a keep unreadable`,
  },
  {
    name: 'a record that cannot be read may be a pin, so it holds',
    rule: { daily: 1 },
    copies: `a 2026-11-01T01:00Z doubt
             b 2026-11-24T01:00Z`,
    plan: `b keep daily newest minimum
           a keep doubt`,
  },
  {
    name: 'a locked one is kept, and says so',
    rule: { daily: 1 },
    copies: `a 2026-11-01T01:00Z locked
             b 2026-11-24T01:00Z`,
    plan: `b keep daily newest minimum
           a keep locked`,
  },
  {
    name: 'a lock lets nothing go that another reason keeps, and takes no place of another',
    rule: { daily: 2 },
    copies: `a 2026-11-22T01:00Z
             b 2026-11-23T01:00Z
             c 2026-11-23T02:00Z locked before-restore
             d 2026-11-24T01:00Z locked`,
    plan: `d keep daily newest minimum locked
           c keep within locked
           b keep daily
           a remove beyond`,
  },
  {
    name: 'a damaged one that would go stays while it is locked',
    rule: { daily: 1 },
    copies: `a 2026-11-01T01:00Z locked damaged
             b 2026-11-24T01:00Z`,
    plan: `b keep daily newest minimum
           a keep locked`,
  },
  {
    name: 'a backup from the future is kept and pushes nothing out',
    copies: `a 2026-11-23T01:00Z
             b 2026-11-24T01:00Z
             c 2027-11-24T01:00Z`,
    plan: `c keep future
           b keep daily newest minimum
           a keep daily`,
  },
  {
    name: 'clocks that differ by minutes are no future',
    copies: `a 2026-11-24T01:00Z
             b 2026-11-25T12:09Z`,
    plan: `b keep daily newest minimum
           a keep daily`,
  },
  {
    name: 'the clock was set back a year: everything is from the future, and everything stays',
    now: '2025-11-25T12:00Z',
    copies: `a 2026-11-22T01:00Z
             b 2026-11-23T01:00Z
             c 2026-11-24T01:00Z`,
    plan: `c keep future
           b keep future
           a keep future`,
  },
  {
    name: 'a renamed tenant: the old name is held',
    rule: { daily: 1 },
    departed: { since: '2026-11-20T04:00Z' },
    copies: `a 2026-11-17T01:00Z
             b 2026-11-18T01:00Z
             c 2026-11-19T01:00Z`,
    plan: `c keep last newest minimum departed-hold
           b keep departed-hold
           a keep departed-hold`,
  },
  {
    name: 'after the hold one rule is over all kinds together, with its own count',
    departed: { since: '2026-08-01T04:00Z', keep: { last: 2, monthly: 2 } },
    copies: `a 2026-06-30T01:00Z
             b 2026-07-28T01:00Z
             c 2026-07-29T01:00Z manual
             d 2026-07-30T01:00Z before-restore`,
    plan: `d keep last monthly newest minimum
           c keep last
           b remove beyond outranked
           a keep monthly`,
  },
  {
    name: 'the hold ends to the millisecond',
    departed: { since: '2026-08-27T12:00:00.001Z', keep: { last: 1 } },
    copies: `a 2026-08-25T01:00Z
             b 2026-08-26T01:00Z`,
    plan: `b keep last newest minimum departed-hold
           a keep departed-hold`,
  },
  {
    name: 'and is over then',
    departed: { since: '2026-08-27T12:00:00.000Z', keep: { last: 1 } },
    copies: `a 2026-08-25T01:00Z
             b 2026-08-26T01:00Z`,
    plan: `b keep last newest minimum
           a remove beyond`,
  },
  {
    name: 'the newest proven of a departed tenant stays too',
    departed: { since: '2026-01-01T00:00Z', keep: { last: 1 } },
    copies: `a 2025-12-25T01:00Z proven
             b 2025-12-26T01:00Z`,
    plan: `b keep last newest minimum
           a keep newest-proven`,
  },
  { name: 'no copies, no plan', copies: 'x 2026-11-25T00:00Z unreadable', plan: 'x keep unreadable' },
]
