// When something is told, and when it is not: flips, not floods. No channel: what is put out is read from the outbox.
import { describe, expect, test } from 'vitest'
import type { ChannelConfig } from '../../src/domain/alerts.js'
import {
  type AlertBench,
  alertBench,
  backupFacts,
  DAY_MS,
  failure,
  HOUR_MS,
  MINUTE_MS,
  tenant,
} from '../kit/alerting.js'

/** A channel whose messages stay in the outbox: its address is nobody's. */
const nowhere = (more: Partial<ChannelConfig> = {}): ChannelConfig =>
  ({
    ...{ name: 'nowhere', type: 'slack', severity: 'info', tenants: null },
    ...{ webhookUrl: 'http://127.0.0.1:9/none', ...more },
  }) as ChannelConfig

/** What waits for a channel now, and takes it away. */
function told(bench: AlertBench, channel = 'nowhere'): string[] {
  return bench.outbox.claim(channel, { limit: 100 }).map(one => {
    bench.outbox.sent(one)
    return one.letter.title.replace('[test] ', '')
  })
}

async function look(bench: AlertBench): Promise<string[]> {
  await bench.alerting.tick()
  return told(bench)
}

test('a restore that was refused at once wakes nobody, one that failed does', async () => {
  const bench = alertBench([nowhere()])
  const fail = (code: 'backup-unknown' | 'object-corrupt' | 'swap-blocked') =>
    bench.event({
      type: 'restore-failed',
      subject: tenant('acme'),
      facts: { backup: null, target: 'copy', error: failure(code) },
    })
  fail('backup-unknown')
  expect(await look(bench)).toEqual(['for information: a restore failed: acme'])
  fail('object-corrupt')
  expect(await look(bench)).toEqual(['CRITICAL: a restore failed: acme'])
  // Refused by the server, after hours of loading: nobody is at the terminal any more.
  fail('swap-blocked')
  expect(await look(bench)).toEqual(['CRITICAL: a restore failed: acme'])
})

test('what is told of one tenant several times names it once in the command to type', async () => {
  const bench = alertBench([nowhere()])
  const gone = (backup: string) =>
    bench.event({
      type: 'backups-vanished',
      subject: tenant('acme'),
      facts: { count: 1, first: [{ backup, instant: '2026-11-23T01:30:00.000Z' }] },
    } as never)
  for (const backup of ['a', 'b', 'c', 'd', 'e']) gone(backup.repeat(12))
  await bench.alerting.tick()
  const [first] = bench.outbox.claim('nowhere', { limit: 1 })
  expect(first?.letter.next).toEqual(['gmah-backup backups acme', 'gmah-backup backup acme'])
})

describe('a backup that fails', () => {
  test('is told once when it begins, and once when it is over', async () => {
    const bench = alertBench([nowhere()])
    bench.night({ acme: 'lock-timeout' }, ['beta'])
    expect(await look(bench)).toEqual(['warning: backup failed: acme'])
    expect(await look(bench)).toEqual([])
    bench.clock.pass(HOUR_MS)
    bench.night({}, ['acme', 'beta'])
    expect(await look(bench)).toEqual(['over: backup failed: acme'])
    bench.clock.pass(HOUR_MS)
    expect(await look(bench)).toEqual([])
    expect(bench.desk.list({ closed: true }).incidents).toContainEqual(
      expect.objectContaining({ rule: 'backup-failed', closedAt: expect.any(String) }),
    )
  })

  test('two hundred of one cause are one message, another cause is another', async () => {
    const bench = alertBench([nowhere()])
    const all = Object.fromEntries(
      Array.from({ length: 200 }, (_, at) => [`t${at}`, 'postgres-unreachable' as const]),
    )
    bench.night({ ...all, odd: 'dump-failed' })
    expect((await look(bench)).sort()).toEqual([
      'warning: backup failed: odd',
      'warning: backup failed: t0, t1, t2 and 197 more',
    ])
  })

  test('says what to type for all of them, and what they have in common once', async () => {
    const letters = async (failed: Record<string, 'lock-timeout'>) => {
      const bench = alertBench([nowhere()])
      bench.night(failed)
      await bench.alerting.tick()
      return bench.outbox.claim('nowhere', { limit: 9 }).map(one => one.letter)
    }
    const few = await letters({ acme: 'lock-timeout', 'O%27Neill%20%26%20Co': 'lock-timeout' })
    expect(few[0]?.next.at(-1)).toBe("gmah-backup backup acme 'O'\\''Neill & Co'")
    expect(few[0]?.lines.map(line => line.hint)).toEqual(['', 'do this'])
    const many = await letters({ a: 'lock-timeout', b: 'lock-timeout', c: 'lock-timeout', d: 'lock-timeout' })
    expect(many.at(-1)?.next.at(-1)).toBe('gmah-backup backup')
  })

  test('is gathered while its run goes on, no longer than asked', async () => {
    const bench = alertBench([nowhere()])
    const { id: run } = bench.journal.startRun({ job: 'backup-all', trigger: 'schedule' })
    const fail = (name: string) =>
      bench.event({
        type: 'backup-failed',
        run,
        subject: tenant(name),
        facts: { error: failure('dump-failed') },
      })
    fail('a')
    expect(await look(bench)).toEqual([])
    bench.clock.pass(5 * MINUTE_MS)
    fail('b')
    expect(await look(bench)).toEqual([])
    bench.clock.pass(5 * MINUTE_MS)
    expect(await look(bench)).toEqual(['warning: backup failed: a, b'])
    fail('c')
    expect(await look(bench)).toEqual([])
    bench.journal.finishRun(run, { outcome: 'partial' })
    expect(await look(bench)).toEqual(['warning: more: backup failed: a, b, c'])
  })

  test('that fails of something else the next night is still the same incident', async () => {
    const bench = alertBench([nowhere()])
    bench.night({ acme: 'lock-timeout' })
    await look(bench)
    bench.clock.pass(HOUR_MS)
    bench.night({ acme: 'dump-failed' })
    expect(await look(bench)).toEqual([])
    bench.night({}, ['acme'])
    expect(await look(bench)).toEqual(['over: backup failed: acme'])
  })

  test('is reminded of until somebody acknowledges it; its end is told all the same', async () => {
    const bench = alertBench([nowhere()])
    bench.night({ acme: 'lock-timeout' }, ['beta'])
    await look(bench)
    bench.clock.pass(DAY_MS)
    expect(await look(bench)).toEqual(['warning: still: backup failed: acme'])
    const [incident] = bench.desk.list({ closed: false }).incidents
    bench.desk.ack(incident?.id.slice(0, 4) ?? '', 'ann')
    bench.clock.pass(2 * HOUR_MS)
    expect(await look(bench)).toEqual([])
    bench.night({}, ['acme', 'beta'])
    expect(await look(bench)).toEqual(['over: backup failed: acme'])
  })

  test('of a tenant that has gone is over', async () => {
    const bench = alertBench([nowhere()])
    bench.night({ acme: 'lock-timeout' }, ['beta'])
    await look(bench)
    expect(bench.alerting.present()).toEqual([tenant('acme'), tenant('beta')])
    bench.night({}, ['beta'])
    expect(await look(bench)).toEqual(['over: backup failed: acme'])
    expect(bench.alerting.present()).toEqual([tenant('beta')])
    bench.clock.pass(30 * HOUR_MS)
    bench.night({}, ['beta'])
    expect(await look(bench)).toEqual([])
  })
})

describe('time alone', () => {
  test('makes a backup late, tenant by tenant, and late is not failed', async () => {
    const bench = alertBench([nowhere()])
    bench.night({}, ['acme', 'beta'])
    expect(await look(bench)).toEqual([])
    bench.clock.pass(26 * HOUR_MS)
    bench.night({}, ['acme'])
    bench.event({ type: 'backup-started', subject: tenant('beta'), facts: { kind: 'scheduled' } })
    bench.clock.pass(2 * HOUR_MS)
    expect(await look(bench)).toEqual(['CRITICAL: no backup inside the window: beta'])
  })

  test('a whole platform that was not backed up is one message', async () => {
    const bench = alertBench([nowhere()])
    const names = Array.from({ length: 200 }, (_, at) => `t${at}`)
    bench.night({}, names)
    await look(bench)
    bench.clock.pass(28 * HOUR_MS)
    expect(await look(bench)).toEqual(['CRITICAL: no backup inside the window: t0, t1, t2 and 197 more'])
    bench.night({}, names)
    expect(await look(bench)).toEqual(['over: no backup inside the window: t0, t1, t2 and 197 more'])
  })

  test('a store that flickers is told once, and is over when it has stayed well', async () => {
    const bench = alertBench([nowhere()])
    bench.night({}, ['acme'])
    await look(bench)
    const away = () => {
      bench.around.store = {
        failure: { code: 'store-unreachable', message: 'the last get failed' },
        failingSince: bench.clock.now(),
      }
    }
    const well = () => {
      bench.around.store = { failure: null, failingSince: null }
    }
    away()
    bench.clock.pass(4 * MINUTE_MS)
    expect(await look(bench)).toEqual([])
    bench.clock.pass(MINUTE_MS)
    expect(await look(bench)).toEqual(['CRITICAL: the store cannot be used (store-unreachable)'])
    for (let flips = 0; flips < 5; flips++) {
      well()
      bench.clock.pass(MINUTE_MS)
      expect(await look(bench)).toEqual([])
      away()
      bench.clock.pass(6 * MINUTE_MS)
      expect(await look(bench)).toEqual([])
    }
    well()
    await look(bench)
    bench.clock.pass(11 * MINUTE_MS)
    expect(await look(bench)).toEqual(['over: the store cannot be used (store-unreachable)'])
  })

  test('a disk that loses space day after day, before it is full; not one that lost some once', async () => {
    const bench = alertBench([nowhere()])
    bench.around.schedules = []
    const day = async (gigabytes: number) => {
      bench.around.disk = { path: '/state', freeBytes: gigabytes * 1e9 }
      bench.clock.pass(DAY_MS)
      return look(bench)
    }
    for (const free of [90, 90, 90, 40, 40, 40]) expect(await day(free)).toEqual([])
    for (const free of [35, 30, 25]) await day(free)
    expect(await day(20)).toEqual(['warning: the disk is about to run out'])
    const disk = () => bench.desk.list({ closed: false }).incidents.filter(one => one.rule === 'disk-low')
    // Ten days of which one lost 50 GB, four lost nothing and five lost 5: the middle one lost 5.
    expect(disk()[0]?.members[0]?.detail).toMatch(/^\/state: 20000 MB, −5000 MB\/d → 0 MB: 2026-12-0\d$/)
    for (const free of [80, 80, 80]) await day(free)
    expect(disk()).toEqual([])
  })

  test('a clock that is not the store’s, louder when the store is about to refuse', async () => {
    const bench = alertBench([nowhere()])
    bench.around.storeAheadMs = 59_000
    expect(await look(bench)).toEqual([])
    bench.around.storeAheadMs = -90_000
    expect(await look(bench)).toEqual(['warning: this machine’s clock is not the store’s (+90 s)'])
    bench.around.storeAheadMs = 11 * MINUTE_MS
    expect(await look(bench)).toEqual(['CRITICAL: more: this machine’s clock is not the store’s (−660 s)'])
    bench.around.storeAheadMs = 0
    await look(bench)
    bench.clock.pass(11 * MINUTE_MS)
    expect(await look(bench)).toEqual([expect.stringMatching(/^over: this machine’s clock/)])
  })

  test('a disk, a token and a key that only this machine holds', async () => {
    const bench = alertBench([nowhere()], {
      expiries: [{ what: 'R2 token', on: new Date('2026-12-05T00:00:00Z') }],
    })
    bench.around.disk = { path: '/state', freeBytes: 1e9 }
    bench.around.keysOnlyHere = ['operational-identity.txt']
    expect((await look(bench)).sort()).toEqual([
      'CRITICAL: a key that only this machine holds',
      'CRITICAL: the disk is about to run out',
      'warning: a token is about to end: R2 token: 2026-12-05',
    ])
    bench.clock.pass(9 * DAY_MS)
    expect(await look(bench)).toContain('CRITICAL: more: a token is about to end: R2 token: 2026-12-05')
  })
})

describe('silence', () => {
  test('quiet hours hold back what can wait, and let through what cannot', async () => {
    const bench = alertBench([nowhere()], {
      quietHours: { from: 22 * 60, to: 7 * 60, timeZone: 'Europe/Paris' },
    })
    bench.clock.set('2026-11-24T01:40:00Z')
    bench.event({ type: 'daemon-started', facts: { version: '1', pid: 1 } })
    bench.night({ acme: 'lock-timeout' }, ['beta'])
    bench.event({
      type: 'proof-failed',
      subject: tenant('beta'),
      facts: { backup: 'b1b1b1b1b1b1' as never, differences: ['public.notes: rows'] },
    })
    const now = await look(bench)
    expect(now).toEqual(['CRITICAL: a test restore failed: beta'])
    bench.clock.pass(4 * HOUR_MS + 10 * MINUTE_MS)
    expect(await look(bench)).toEqual(['CRITICAL: still: a test restore failed: beta'])
    bench.clock.pass(15 * MINUTE_MS)
    expect((await look(bench)).filter(one => !one.includes('clock'))).toEqual([
      'warning: backup failed: acme',
    ])
  })

  test('what came and went in quiet hours is nobody’s news', async () => {
    const bench = alertBench([nowhere()], { quietHours: { from: 0, to: 23 * 60, timeZone: 'UTC' } })
    bench.night({ acme: 'lock-timeout' })
    expect(await look(bench)).toEqual([])
    bench.night({}, ['acme'])
    expect(await look(bench)).toEqual([])
    bench.clock.set('2026-11-23T23:10:00Z')
    expect((await look(bench)).filter(one => !one.includes('clock'))).toEqual([])
  })

  test('a mute is silent until it ends; what is still wrong is told then', async () => {
    const bench = alertBench([nowhere()])
    const until = new Date('2026-11-23T14:00:00Z')
    bench.desk.mute('backup-failed', { until, why: 'migration', by: 'ann' })
    bench.night({ acme: 'lock-timeout' })
    expect(await look(bench)).toEqual([])
    bench.clock.pass(2 * HOUR_MS + 1)
    expect(await look(bench)).toEqual(['warning: backup failed: acme'])
    expect(() => bench.desk.mute('nonsense', { until, why: '', by: '' })).toThrow(
      expect.objectContaining({ code: 'incident-unknown' }),
    )
  })
})

describe('who is told', () => {
  test('by severity and by tenant; a channel of one tenant never reads of another', async () => {
    const bench = alertBench([
      nowhere({ name: 'pager', severity: 'critical' }),
      nowhere({ name: 'of-acme', tenants: ['acme'] }),
      nowhere({ name: 'all' }),
    ])
    bench.night({ acme: 'dump-failed', beta: 'dump-failed' })
    bench.around.disk = { path: '/state', freeBytes: 1 }
    await bench.alerting.tick()
    expect(told(bench, 'pager')).toEqual(['CRITICAL: the disk is about to run out'])
    const [letter] = bench.outbox.claim('of-acme', { limit: 10 })
    expect(letter?.letter.title).toBe('[test] warning: backup failed: acme')
    expect(JSON.stringify(letter)).not.toContain('beta')
    expect(told(bench, 'all').sort()).toEqual([
      'CRITICAL: the disk is about to run out',
      'warning: backup failed: acme, beta',
    ])
  })
})

describe('runs', () => {
  test('a night that failed as a whole is critical and one message; a person’s own run is theirs', async () => {
    const bench = alertBench([nowhere()])
    const fail = (trigger: 'schedule' | 'manual') => {
      const { id } = bench.journal.startRun({ job: 'backup-all', trigger })
      bench.journal.finishRun(id, { outcome: 'failed', failure: new Error('x') as never })
    }
    fail('manual')
    expect(await look(bench)).toEqual([])
    fail('schedule')
    expect(await look(bench)).toEqual(['CRITICAL: backup-all failed'])
    bench.night({}, ['acme'])
    expect(await look(bench)).toEqual(['over: backup-all failed'])
  })

  test('a daemon that did not stop in good order says so at its next start', async () => {
    const bench = alertBench([nowhere()])
    const started = () => bench.event({ type: 'daemon-started', facts: { version: '1', pid: 1 } })
    started()
    bench.event({ type: 'daemon-stopping', facts: { reason: 'SIGTERM' } })
    started()
    expect(await look(bench)).toEqual([])
    started()
    expect(await look(bench)).toEqual(['warning: the daemon restarted after a crash'])
    expect(await look(bench)).toEqual([])
  })

  test('a schema that a restore left is told once, by whichever backup, and over with the first that finds none', async () => {
    const bench = alertBench([nowhere()])
    const backUp = async (schemas: string[]) => {
      const { id: run } = bench.journal.startRun({ job: 'backup', trigger: 'manual' })
      const subject = tenant('acme')
      const facts = { database: 'gmah_org_acme', schemas }
      if (schemas.length > 0) bench.event({ type: 'schemas-left', run, subject, facts })
      bench.event({ type: 'backup-committed', run, subject, facts: backupFacts() })
      bench.journal.finishRun(run, { outcome: 'succeeded' })
      await bench.alerting.tick()
      return bench.outbox.claim('nowhere', { limit: 100 }).map(one => {
        bench.outbox.sent(one)
        return one.letter
      })
    }
    const title = 'a restore left unproven tables in a live database: acme'
    const [told, ...others] = await backUp(['restoring_0123456789ab'])
    expect(others).toEqual([])
    expect(told?.title).toBe(`[test] warning: ${title}`)
    const hint = `psql -d gmah_org_acme -c 'DROP SCHEMA restoring_0123456789ab CASCADE'`
    expect(told?.lines).toMatchObject([{ text: 'gmah_org_acme: restoring_0123456789ab', hint }])
    expect(await backUp(['restoring_0123456789ab'])).toEqual([])
    expect((await backUp([])).map(letter => letter.title)).toEqual([`[test] over: ${title}`])
    expect(await backUp([])).toEqual([])
  })

  test('drift that the next night does not see any more is over', async () => {
    const bench = alertBench([nowhere()])
    const { id: run } = bench.journal.startRun({ job: 'backup-all', trigger: 'schedule' })
    bench.event({ type: 'drift', run, facts: { kind: 'database-without-tenant', database: 'gmah_org_x' } })
    bench.journal.finishRun(run, { outcome: 'succeeded' })
    expect(await look(bench)).toEqual(['warning: databases and tenants disagree (database-without-tenant)'])
    bench.night({}, ['acme'])
    expect(await look(bench)).toEqual(['over: databases and tenants disagree (database-without-tenant)'])
  })

  test('a tenant that lost most of its rows', async () => {
    const bench = alertBench([nowhere()])
    for (let night = 0; night < 4; night++) bench.night({}, ['acme'])
    expect(await look(bench)).toEqual([])
    bench.night({}, ['acme'], { rows: 4000 })
    expect(await look(bench)).toEqual(['warning: much smaller than usual: acme'])
    bench.night({}, ['acme'], { rows: 12 })
    expect(await look(bench)).toEqual(['CRITICAL: more: much smaller than usual: acme'])
    bench.night({}, ['acme'])
    expect(await look(bench)).toEqual(['over: much smaller than usual: acme'])
  })
})

describe('a clock put back an hour', () => {
  test('is told, tells nothing twice and keeps nothing from being told', async () => {
    const bench = alertBench([nowhere()])
    bench.night({ acme: 'lock-timeout' })
    await look(bench)
    bench.clock.set('2026-11-23T11:00:00Z')
    expect(await look(bench)).toEqual(['warning: the clock jumped'])
    bench.night({ beta: 'dump-failed' }, ['acme'])
    expect((await look(bench)).sort()).toEqual(['over: backup failed: acme', 'warning: backup failed: beta'])
    bench.clock.pass(DAY_MS)
    expect(await look(bench)).toContain('warning: still: backup failed: beta')
  })
})

test('a new process on the same files goes on where the old one was', async () => {
  const bench = alertBench([nowhere()])
  bench.night({ acme: 'lock-timeout' })
  expect(await look(bench)).toEqual(['warning: backup failed: acme'])
  const again = alertBench([nowhere()], {}, { clock: bench.clock, folder: bench.folder })
  expect(await look(again)).toEqual([])
  again.night({}, ['acme'])
  expect(await look(again)).toEqual(['over: backup failed: acme'])
})

describe('what is told', () => {
  const letters = (bench: AlertBench) =>
    bench.outbox.claim('nowhere', { limit: 100 }).map(one => {
      bench.outbox.sent(one)
      return one.letter
    })

  test('of what happened twice before anybody looked is both', async () => {
    const bench = alertBench([nowhere()])
    const warn = (server: string, message: string) =>
      bench.event({ type: 'snapshot-warning', facts: { server, message } })
    for (const message of ['a volume is not in it', 'CHECKPOINT failed']) warn('app', message)
    warn('db', 'a volume is not in it')
    await bench.alerting.tick()
    const [letter, ...others] = letters(bench)
    expect(others).toEqual([])
    expect(letter?.title).toBe('[test] warning: something to know about a snapshot: app, db')
    expect(letter?.lines.map(({ name, text }) => `${name}: ${text}`)).toEqual([
      'app: a volume is not in it',
      'app: CHECKPOINT failed',
      'db: a volume is not in it',
    ])
    // There is nothing that could be acknowledged.
    expect(letter?.footer).not.toContain('alert ack')
  })

  test('names what a date or a figure is of; of an end, nothing that were to be done', async () => {
    const bench = alertBench([nowhere()])
    bench.night({}, ['acme'])
    bench.clock.pass(28 * HOUR_MS)
    bench.night({ acme: 'lock-timeout' })
    await bench.alerting.tick()
    const told = letters(bench)
    const late = told.find(one => one.severity === 'critical')
    expect(late?.lines).toEqual([{ name: 'acme', text: 'last backup: 2026-11-23 12:00Z', hint: '' }])
    expect(told.find(one => one !== late)?.lines).toMatchObject([{ hint: 'do this' }])
    bench.night({}, ['acme'])
    await bench.alerting.tick()
    for (const { kind, lines, footer } of letters(bench)) {
      expect([kind, lines.map(one => one.hint), footer]).toEqual([
        'over',
        [''],
        expect.not.stringContaining('ack'),
      ])
    }
  })
})
