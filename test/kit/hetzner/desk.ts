// Snapshot jobs against the fake API: real client, real journal, real sealing, a store in memory, and a clock that skips its sleeps.
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../../../src/domain/configuration.js'
import type { StoredEvent } from '../../../src/domain/events.js'
import { hetznerClient } from '../../../src/hetzner/client.js'
import { openJobLocks } from '../../../src/jobs/job-locks.js'
import { openJournal } from '../../../src/jobs/journal.js'
import { JOURNAL_MIGRATIONS } from '../../../src/jobs/journal-schema.js'
import { openOldEvents } from '../../../src/jobs/old-events.js'
import type { Parts } from '../../../src/jobs/parts.js'
import { openRotationLaps } from '../../../src/jobs/rotation-laps.js'
import { createRunner, type Runner, type RunResult } from '../../../src/jobs/runner.js'
import { endOfSnapshots, type SnapshotSchedule, snapshotServers } from '../../../src/jobs/snapshot-servers.js'
import { CATALOGUE_MIGRATIONS, Catalogue } from '../../../src/repository/catalogue.js'
import { silentLogger } from '../../../src/sys/log.js'
import { openSqlite } from '../../../src/sys/sqlite.js'
import { type ManualClock, manualClock } from '../clock.js'
import { type MemoryStore, memoryStore } from '../memory-store.js'
import { testRepository } from '../repository.js'
import { type FakeHetzner, fakeHetzner } from './server.js'

export interface SnapshotDesk {
  clock: ManualClock
  fake: FakeHetzner
  store: MemoryStore
  parts: Parts
  runner: Runner
  /** One scheduled run. `crash` fires like a process that dies: nothing more is done or noted but the run's end. */
  week(changes?: Partial<SnapshotSchedule>, crash?: AbortSignal): Promise<RunResult>
  events<T extends StoredEvent['type']>(type: T): Extract<StoredEvent, { type: T }>[]
  close(): Promise<void>
}

export const SCHEDULE: SnapshotSchedule = {
  ...{
    job: 'snapshot-servers',
    name: 'server-snapshots',
    cron: '0 6 * * 0',
    timeZone: 'Europe/Paris',
    why: 'a test',
  },
  ...{ freshnessWindowMs: 8 * 86_400_000, catchUp: true, deadlineMs: 8 * 3_600_000 },
  servers: [{ server: 'gmah-app', checkpoint: false, command: null, shutdown: false }],
  keep: { last: 0, hourly: 0, daily: 0, weekly: 5, monthly: 0, yearly: 0, withinMs: 0 },
  ...{ minimum: 2, limit: 30, protect: false, snapshotDeadlineMs: 90 * 60_000, lockWaitMs: 15 * 60_000 },
}

export async function snapshotDesk(start = '2026-01-04T05:00:00Z'): Promise<SnapshotDesk> {
  const clock = manualClock(start, { skipSleeps: true })
  const fake = await fakeHetzner(clock)
  const folder = await mkdtemp(join(tmpdir(), 'gmah-snapshots-'))
  const journalDb = openSqlite(join(folder, 'journal.sqlite'), JOURNAL_MIGRATIONS)
  const catalogueDb = openSqlite(join(folder, 'catalogue.sqlite'), CATALOGUE_MIGRATIONS)
  const journal = openJournal(journalDb, clock)
  const store = memoryStore(clock)
  const shutdown = new AbortController().signal
  const runner = createRunner({
    journal,
    locks: openJobLocks(journalDb, clock),
    clock,
    log: silentLogger(),
    shutdown,
  })
  const repository = testRepository(store, { clock })
  const parts: Parts = {
    config: {} as unknown as Config,
    clock,
    repository,
    journal,
    catalogue: new Catalogue(catalogueDb),
    files: store,
    hetzner: hetznerClient({ endpoint: fake.endpoint, token: fake.token }, { clock, timeoutMs: 20_000 }),
    laps: openRotationLaps(journalDb),
    oldEvents: openOldEvents(journalDb),
    tool: 'gmah-backup test',
  }
  return {
    clock,
    fake,
    store,
    parts,
    runner,
    week: (changes = {}, crash) =>
      runner.run({ name: 'snapshot-servers', trigger: 'schedule' }, async context => {
        const signal = crash ? AbortSignal.any([crash, context.signal]) : context.signal
        return endOfSnapshots(
          await snapshotServers(parts, { ...SCHEDULE, ...changes }, { ...context, signal }),
        )
      }),
    events: type => journal.events({ limit: 100_000 }).filter(one => one.type === type) as never,
    close: async () => {
      await fake.close()
      await repository.close()
      journalDb.close()
      catalogueDb.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
