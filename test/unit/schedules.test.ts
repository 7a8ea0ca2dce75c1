// Schedule files: what is wrong is told with its place, and times that the clocks skip or repeat are warned about.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseSchedule } from '../../src/jobs/schedules.js'

const NOW = new Date('2026-11-23T12:00:00Z')

function read(changes: Record<string, string> = {}) {
  const fields = {
    job: 'backup-all',
    cron: '30 1 * * *',
    time_zone: 'Europe/Paris',
    why: 'because',
    freshness_window: '27h',
    catch_up: 'true',
    deadline: '5h',
    ...changes,
  }
  const text = Object.entries(fields).map(([key, value]) => `${key}: ${value}\n`)
  return parseSchedule({ name: 'x', file: 'x.yaml', text: text.join(''), variables: {}, now: NOW })
}

test.each(readdirSync('schedules'))('the shipped %s is right and needs no warning', name => {
  const text = readFileSync(`schedules/${name}`, 'utf8')
  const found = parseSchedule({ name, file: name, text, variables: {}, now: NOW })
  expect(found).toMatchObject({ problems: [], warnings: [], schedule: { why: expect.any(String) } })
})

describe('clock changes', () => {
  test('a time in the gap and the overlap is warned about once each, with dates', () => {
    const { schedule, warnings } = read({ cron: '30 2 * * *' })
    expect(schedule).not.toBeNull()
    expect(warnings.map(one => one.message)).toEqual([
      '02:30 does not exist on 2027-03-28 in Europe/Paris: that run starts when the clock goes on',
      '02:30 comes twice on 2027-10-31 in Europe/Paris: only the first one runs',
    ])
    expect(warnings[0]?.at).toBe('x.yaml:2:1')
  })

  test.each([
    ['UTC', '30 2 * * *', '27h', 0],
    ['America/New_York', '30 1 * * *', '27h', 1],
    ['Europe/London', '30 1 * * *', '27h', 2],
    ['Asia/Kolkata', '30 2 * * *', '27h', 0],
    ['Europe/Paris', '30 * * * *', '27h', 0],
    ['Europe/Paris', '30 2 1 * *', '800h', 0],
    ['Europe/Paris', '30 2 * * 1', '200h', 0],
  ])('in %s "%s" (window %s) gives %i warnings', (time_zone, cron, freshness_window, count) => {
    const found = read({ time_zone, cron, freshness_window })
    expect(found.problems).toEqual([])
    expect(found.warnings).toHaveLength(count)
  })
})

describe('problems', () => {
  test.each([
    [{ cron: '61 1 * * *' }, 'cron', '61'],
    [{ cron: '0 0 31 2 *' }, 'cron', 'impossible day'],
    [{ freshness_window: '24h' }, 'freshness_window', '25h apart'],
    [{ freshness_window: '30' }, 'freshness_window', 'duration'],
    [{ time_zone: 'Mars/Base' }, 'time_zone', 'time zone'],
    [{ job: 'backup-al' }, 'job', 'one of backup-all'],
    [{ catch_up: 'perhaps' }, 'catch_up', 'true or false'],
    [{ why: '""' }, 'why', 'empty'],
  ])('%j', (changes, path, message) => {
    const found = read(changes)
    expect(found.schedule).toBeNull()
    expect(found.problems).toMatchObject([{ path, message: expect.stringContaining(message) }])
  })
})
