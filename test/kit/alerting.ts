// Alerts on a journal and a state folder of their own, with real channels and a clock that is moved by hand.

import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ALERT_MIGRATIONS } from '../../src/alert/alert-tables.js'
import { createAlerting } from '../../src/alert/alerting.js'
import { openAlertDesk } from '../../src/alert/desk.js'
import { openLedger } from '../../src/alert/ledger.js'
import { openChannel } from '../../src/alert/open-channel.js'
import { openOutbox } from '../../src/alert/outbox.js'
import type { Sighting } from '../../src/alert/rules/standing-rules.js'
import type { AlertsConfig, ChannelConfig } from '../../src/domain/alerts.js'
import type { BackupFacts } from '../../src/domain/backup-events.js'
import type { ErrorFacts } from '../../src/domain/error-facts.js'
import type { NewEvent, StoredEvent } from '../../src/domain/events.js'
import type { BackupId, RunId } from '../../src/domain/ids.js'
import type { SubjectId } from '../../src/domain/subject.js'
import { openJournal } from '../../src/jobs/journal.js'
import { JOURNAL_MIGRATIONS } from '../../src/jobs/journal-schema.js'
import { silentLogger } from '../../src/sys/log.js'
import { openSqlite } from '../../src/sys/sqlite.js'
import { type FakeClock, fakeClock } from './fake-clock.js'
import { NIGHTLY } from './schedules.js'
import { tempFolder } from './state.js'

export const HOUR_MS = 3_600_000
export const MINUTE_MS = 60_000
export const DAY_MS = 24 * HOUR_MS

export const tenant = (name: string): SubjectId => `tenants/${name}` as SubjectId

export const ALERTS: AlertsConfig = {
  ...{ name: 'test', language: 'en', runLink: 'https://backup.test/runs/', channels: [], quietHours: null },
  ...{ reminderMs: { warning: DAY_MS, critical: 4 * HOUR_MS }, gatherMs: 10 * MINUTE_MS },
  ...{ diskFreeBytes: 2 * 1024 ** 3, expiries: [], heartbeats: [] },
  digest: { pricePerGbMonth: 0.015, currency: 'USD' },
}

export const failure = (code: ErrorFacts['code'], message = 'it failed'): ErrorFacts => ({
  ...{ code, message, hint: 'do this', causes: [] },
})

export const backupFacts = (more: Partial<BackupFacts> = {}): BackupFacts => ({
  ...{ backup: 'b1b1b1b1b1b1' as BackupId, kind: 'scheduled', instant: '2026-11-23T01:30:00.000Z' },
  ...{ rows: 10_000, tables: 3, streamBytes: 5_000_000, newBytes: 1000, newStoredBytes: 500 },
  ...{ reusedBytes: 0, storedBytes: 2_000_000, durationMs: 1000, ...more },
})

type Without<E> = E extends unknown
  ? Omit<E, 'run' | 'subject'> & { run?: RunId | null; subject?: SubjectId | null }
  : never

export interface AlertBench extends ReturnType<typeof benchOn> {}

/** ALERT_LUCK=0.99 runs every test of alerts with another jitter of the pauses. */
const LUCK = Number(process.env.ALERT_LUCK ?? 0.5)

/** Longer than any real server here takes to answer, however busy the machine is. */
export const PATIENT_MS = 60_000

/** Call with the folder of another bench to be what a new process would be. */
export function alertBench(
  channels: ChannelConfig[],
  more: Partial<AlertsConfig> = {},
  {
    clock = fakeClock('2026-11-23T12:00:00Z'),
    folder = tempFolder(),
    random = () => LUCK,
  }: { clock?: FakeClock; folder?: string; random?: () => number } = {},
) {
  return benchOn({ ...ALERTS, channels, ...more }, clock, folder, random)
}

function benchOn(config: AlertsConfig, clock: FakeClock, folder: string, random: () => number) {
  const journalDb = openSqlite(join(folder, 'journal.sqlite'), JOURNAL_MIGRATIONS)
  const alertsDb = openSqlite(join(folder, 'alerts.sqlite'), ALERT_MIGRATIONS)
  const close = () => {
    journalDb.close()
    alertsDb.close()
  }
  // What a power cut would lose is no test's business here, and a thousand fsyncs are.
  for (const db of [journalDb, alertsDb]) db.exec('PRAGMA synchronous = OFF')
  onTestFinished(close)
  const journal = openJournal(journalDb, clock)
  const ledger = openLedger(alertsDb)
  const outbox = openOutbox(alertsDb, clock)
  const around: Omit<Sighting, 'channels'> = {
    schedules: [{ schedule: NIGHTLY, lastSuccessAt: null }],
    proofWindowMs: null,
    store: { failure: null, failingSince: null },
    disk: { path: '/state', freeBytes: 50 * 1024 ** 3 },
    storeAheadMs: null,
    keysOnlyHere: [],
  }
  const open = (channel: ChannelConfig) =>
    openChannel(channel, { language: config.language, installation: 'test', timeoutMs: PATIENT_MS })
  const parts = { ledger, outbox, clock, host: 'host', openChannel: open, random }
  const alerting = createAlerting({
    ...parts,
    events: filter => journal.events(filter),
    see: async () => around,
    config: () => config,
    log: silentLogger(),
  })
  const event = (one: Without<NewEvent>): StoredEvent =>
    journal.event({ run: null, subject: null, ...one } as NewEvent)
  return {
    ...{ clock, folder, config, journal, ledger, outbox, alerting, around, event, close },
    desk: openAlertDesk({ ...parts, config, name: 'test' }),
    /** A night in which these tenants fail so, and those end well. */
    night: (
      failed: Record<string, ErrorFacts['code']>,
      well: string[] = [],
      facts: Partial<BackupFacts> = {},
    ) => {
      const { id: run } = journal.startRun({ job: 'backup-all', trigger: 'schedule' })
      for (const name of [...Object.keys(failed), ...well]) {
        event({ type: 'backup-started', run, subject: tenant(name), facts: { kind: 'scheduled' } })
      }
      for (const [name, code] of Object.entries(failed)) {
        event({ type: 'backup-failed', run, subject: tenant(name), facts: { error: failure(code) } })
      }
      for (const name of well) {
        event({ type: 'backup-committed', run, subject: tenant(name), facts: backupFacts(facts) })
      }
      const outcome = Object.keys(failed).length > 0 ? 'partial' : 'succeeded'
      journal.finishRun(run, { outcome })
      around.schedules = [{ schedule: NIGHTLY, lastSuccessAt: outcome === 'succeeded' ? clock.now() : null }]
      return run
    },
    /** Ticks now, and then every so often while time passes. */
    pass: async (ms: number, stepMs = 5 * MINUTE_MS) => {
      for (let left = ms; left > 0; left -= stepMs) {
        clock.pass(Math.min(left, stepMs))
        await alerting.tick()
      }
    },
  }
}
