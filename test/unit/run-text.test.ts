// How runs are told: a line that fits the window, and one run from its beginning to its end.
import { expect, test } from 'vitest'
import { runsText, runText } from '../../src/cli/run-text.js'
import type { StoredEvent } from '../../src/domain/events.js'
import { shellWord } from '../../src/domain/shell-word.js'
import type { Run } from '../../src/jobs/journal-rows.js'
import { ownIdentity } from '../../src/sys/process-identity.js'

const run = (more: Partial<Run> = {}): Run => ({
  id: '123456789012' as Run['id'],
  ...{ job: 'backup-all', subject: null, trigger: 'schedule', due: null, process: ownIdentity() },
  startedAt: new Date('2026-11-23T01:30:00Z'),
  finishedAt: new Date('2026-11-23T01:33:20Z'),
  ...{ outcome: 'succeeded', error: null, facts: { succeeded: 22, failed: 0 } },
  ...more,
})
const error = {
  ...{ code: 'dump-failed' as const, message: 'pg_dump ended', hint: 'look' },
  causes: ['dump-failed: pg_dump ended', 'line one\nline two'],
}

test('a run is a line: when, how long, how it ended, of what', () => {
  expect(runsText([run()], null).split('\n')).toEqual([
    'run           started                     took  outcome    job         subject  trigger',
    '123456789012  2026-11-23 01:30:00Z  3 min 20 s  succeeded  backup-all  all      schedule  22 succeeded, 0 failed',
  ])
  expect(runsText([], null)).toContain('gmah-backup backup')
})

test('at 80 columns the outcome is still there', () => {
  const failed = run({ outcome: 'failed', error, subject: 'tenants/%F0%9F%90%98' as Run['subject'] })
  const [, line] = runsText([failed], 80).split('\n')
  expect(line).toMatch(/^12345678 {2}2026-11-23 01:30Z {2}3 min 20 s {2}failed {3}backup-all {2}🐘/)
  expect(line?.length).toBeLessThanOrEqual(80)
  expect(runsText([failed], null)).toMatch(/dump-failed: pg_dump ended$/)
})

test('at 80 columns, why a run went wrong stands whole below it; where there is room, behind it', () => {
  const message =
    'pg_dump of gmah_org_acme exited with status 1 after 3 of 12 tables: permission denied for table invoices_2026'
  const facts = { succeeded: 21, failed: 1, failures: ['globex', 'initech', 'umbrella', 'hooli'] }
  const runs = [
    run(),
    run({ outcome: 'failed', error: { ...error, message }, subject: 'tenants/acme' as Run['subject'] }),
    run({ outcome: 'partial', facts }),
  ]
  const lines = runsText(runs, 80).split('\n')
  expect(lines).toEqual([
    'run       started                  took  outcome    job         subject',
    '12345678  2026-11-23 01:30Z  3 min 20 s  succeeded  backup-all  all',
    '12345678  2026-11-23 01:30Z  3 min 20 s  failed     backup-all  acme',
    '    dump-failed: pg_dump of gmah_org_acme exited with status 1 after 3 of 12',
    '    tables: permission denied for table invoices_2026',
    '12345678  2026-11-23 01:30Z  3 min 20 s  partial    backup-all  all',
    '    21 succeeded, 1 failed, failures globex initech umbrella hooli',
  ])
  expect(runsText(runs, 300)).toBe(runsText(runs, null))
  expect(runsText(runs, null).split('\n')).toHaveLength(4)
})

test('a subject that the line has no room for is named with the reason', () => {
  const failed = run({ outcome: 'failed', error, job: 'a-job-with-a-very-long-name' as Run['job'] })
  const lines = runsText([{ ...failed, subject: 'tenants/acme' as Run['subject'] }], 80).split('\n')
  expect(lines[2]).toBe('    acme: dump-failed: pg_dump ended')
})

test('a run whose process is gone died, whatever the journal still says', () => {
  const gone = { ...ownIdentity(), start: `${ownIdentity().start.replace(/ \d+$/, '')} 1` }
  expect(runsText([run({ outcome: 'running', finishedAt: null, process: gone })], null)).toMatch(/ died /)
  expect(runsText([run({ outcome: 'running', finishedAt: null })], null)).toMatch(/ running /)
})

test('one run: its error whole, then every event on a line of its own', () => {
  const at = '2026-11-23T01:30:05.000Z'
  const about = { seq: 1, at, run: run().id, subject: 'tenants/a%0Ab' }
  const facts = { backup: '0123456789ab', rows: 1200, newStoredBytes: 1500, durationMs: 4500 }
  const events = [
    { ...about, type: 'backup-committed', facts },
    { ...about, type: 'backup-failed', facts: { error } },
  ] as unknown as StoredEvent[]
  expect(runText(run({ outcome: 'partial', error, due: new Date('2026-11-23T01:30:00Z') }), events)).toBe(
    [
      'backup-all (schedule, due 2026-11-23 01:30:00Z): partial',
      '  error: pg_dump ended [dump-failed]',
      '  because: line one\n    line two',
      '  hint: look',
      '',
      '2026-11-23 01:30:05Z  backup-committed   a\\nb  backup 0123456789ab, 1 200 rows, 1.50 kB new stored, took 4.5 s',
      '2026-11-23 01:30:05Z  backup-failed      a\\nb  dump-failed: pg_dump ended',
    ].join('\n'),
  )
})

test.each([
  ['acme', 'acme'],
  ['/var/run/postgresql', '/var/run/postgresql'],
  ['', "''"],
  ['a b', "'a b'"],
  ["O'Reilly", "'O'\\''Reilly'"],
  ['$(reboot)', "'$(reboot)'"],
  ['~', "'~'"],
])('a shell takes %s back from %s', (text, word) => expect(shellWord(text)).toBe(word))
