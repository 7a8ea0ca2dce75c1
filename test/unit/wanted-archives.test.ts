// Which archives a month's run makes: its own, and those of missed months, whatever the day and the zone of the 1st.
import { describe, expect, it, test } from 'vitest'
import { monthOf, monthsBefore } from '../../src/domain/archive-name.js'
import { instantOf, newBackupId } from '../../src/domain/ids.js'
import { lastDue, parseCron } from '../../src/jobs/cron.js'
import { wantedArchives } from '../../src/jobs/wanted-archives.js'
import { archiveIndexKey, archiveKey, manifestKey } from '../../src/store/keys.js'
import { memoryStore } from '../kit/memory-store.js'
import { ACME, never } from '../kit/repository.js'

const ZONE = 'Europe/Paris'

/** Archives by name, each stored on the 1st of its month unless told; backups by their instants, which give back their ids. */
async function wanted(
  {
    archives = [],
    cutShort = [],
    backups,
    storedAt = {},
  }: {
    archives?: string[]
    /** Without an index: the run that made them died. */
    cutShort?: string[]
    backups: string[]
    storedAt?: Record<string, string>
  },
  month: string,
  makeUp = true,
) {
  const store = memoryStore()
  const instants = new Map<string, string>()
  for (const name of archives) {
    await store.put(archiveKey(ACME, name as never), Buffer.from('archive'))
    await store.put(archiveIndexKey(ACME, name as never), Buffer.from('index'))
  }
  for (const name of cutShort) await store.put(archiveKey(ACME, name as never), Buffer.from('archive'))
  for (const [key, kept] of store.objects) {
    const name = /(\d{4}-\d\d(-\d+)?)\./.exec(key)?.[1] ?? ''
    kept.modifiedAt = new Date(storedAt[name] ?? `${name.slice(0, 7)}-01T05:00:00Z`)
  }
  for (const instant of backups) {
    const backup = newBackupId()
    instants.set(backup, instant)
    const name = { subject: ACME, instant: instantOf(new Date(instant)), kind: 'scheduled', backup } as const
    await store.put(manifestKey(name), Buffer.from('manifest'))
  }
  const parts = { repository: { store } } as unknown as Parameters<typeof wantedArchives>[0]
  const { make, skipped } = await wantedArchives(parts, ACME, { month, zone: ZONE, makeUp }, never)
  return {
    make: make.map(one => [one.month, instants.get(one.backup) ?? one.backup]),
    skipped: skipped.map(one => one.month),
  }
}

const night = (month: string, day = '01') => `${month}-${day}T00:30:00.000Z`

it('a usual month: its own, from the newest backup', async () => {
  const backups = [night('2026-11'), night('2026-12')]
  expect(await wanted({ archives: ['2026-11'], backups }, '2026-12')).toEqual({
    make: [['2026-12', 'latest']],
    skipped: [],
  })
  expect(await wanted({ backups }, '2026-12')).toEqual({ make: [['2026-12', 'latest']], skipped: [] })
})

it('a month whose archive has no index: as if there were none', async () => {
  const backups = [night('2026-11'), night('2026-12')]
  const asked = { archives: ['2026-10'], cutShort: ['2026-11', '2026-12'], backups }
  expect((await wanted(asked, '2026-12')).make).toEqual([
    ['2026-12', 'latest'],
    ['2026-11', night('2026-11')],
  ])
})

it('every missed month, each from the backup nearest to its beginning; what has none left is told', async () => {
  const backups = [night('2026-09', '30'), night('2026-11', '02'), night('2026-11', '30'), night('2026-12')]
  expect(await wanted({ archives: ['2026-08'], backups }, '2026-12')).toEqual({
    make: [
      ['2026-12', 'latest'],
      ['2026-11', night('2026-11', '02')],
      ['2026-09', night('2026-09', '30')],
    ],
    skipped: ['2026-10'],
  })
  expect((await wanted({ archives: ['2026-08'], backups }, '2026-12', false)).make).toHaveLength(1)
})

it('one that failed while later ones were made is made up for; what cannot be any more is told no second time', async () => {
  const backups = [night('2026-10'), night('2026-12')]
  expect(await wanted({ archives: ['2026-08', '2026-11'], backups }, '2026-12')).toEqual({
    make: [
      ['2026-12', 'latest'],
      ['2026-10', night('2026-10')],
    ],
    skipped: [],
  })
})

it('nothing before the first archive, and nothing older than a year', async () => {
  const backups = [night('2025-10'), night('2025-12'), night('2026-12')]
  expect((await wanted({ archives: ['2026-11'], backups }, '2026-12')).make).toHaveLength(1)
  expect((await wanted({ archives: ['2024-01', '2026-11'], backups }, '2026-12')).make).toEqual([
    ['2026-12', 'latest'],
    ['2025-12', night('2025-12')],
  ])
})

it('one that was made up for late does not hide this month', async () => {
  const storedAt = { '2026-11': '2026-12-05T05:00:00Z', '2026-12': '2026-12-05T04:00:00Z' }
  const backups = [night('2026-11'), night('2027-01')]
  const { make } = await wanted({ archives: ['2026-10', '2026-11', '2026-12'], backups, storedAt }, '2027-01')
  expect(make).toEqual([['2027-01', 'latest']])
})

describe('the 1st, wherever the clocks change', () => {
  test.each(['Europe/Paris', 'Pacific/Auckland', 'America/Sao_Paulo', 'Africa/Cairo', 'UTC'])(
    'in %s',
    zone => {
      for (const cron of ['30 4 1 * *', '0 0 1 * *', '59 23 1 * *']) {
        for (const month of monthsBefore('2029-01', 36)) {
          // From anywhere in the month, the last instant that the schedule was due is of this very month.
          const end = new Date(Date.parse(`${month}-27T12:00:00Z`))
          const due = lastDue(parseCron(cron), zone, end)
          expect([cron, due && monthOf(due, zone)]).toEqual([cron, month])
        }
      }
    },
  )
})
