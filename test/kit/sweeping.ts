// Sweeps of a store without a database server: real repository, catalogue, journal and jobs, on a clock that the test moves.
// Who is on the server is what the test says.
import { readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { Config } from '../../src/domain/configuration.js'
import { type ErrorCode, Failure } from '../../src/domain/errors.js'
import type { StoredEvent } from '../../src/domain/events.js'
import { newBackupId, newRunId } from '../../src/domain/ids.js'
import type { BackupKind, Manifest } from '../../src/domain/manifest.js'
import type { SubjectId } from '../../src/domain/subject.js'
import { openJobLocks } from '../../src/jobs/job-locks.js'
import { openJournal } from '../../src/jobs/journal.js'
import { errorFacts } from '../../src/jobs/journal-rows.js'
import { JOURNAL_MIGRATIONS } from '../../src/jobs/journal-schema.js'
import { openOldEvents } from '../../src/jobs/old-events.js'
import type { JobContext, Parts } from '../../src/jobs/parts.js'
import { openRotationLaps } from '../../src/jobs/rotation-laps.js'
import { createRunner, type RunContext, type RunResult } from '../../src/jobs/runner.js'
import { parseSchedule } from '../../src/jobs/schedules.js'
import { endOfSweep, type SweepReport, sweepStore } from '../../src/jobs/sweep-store.js'
import { CATALOGUE_MIGRATIONS, Catalogue } from '../../src/repository/catalogue.js'
import { commitManifest } from '../../src/repository/manifests.js'
import { ensureTenantKey } from '../../src/repository/tenant-keys.js'
import type { WrittenStream } from '../../src/repository/write-stream.js'
import type { Store } from '../../src/store/port.js'
import type { Clock } from '../../src/sys/clock.js'
import { silentLogger } from '../../src/sys/log.js'
import { openSqlite } from '../../src/sys/sqlite.js'
import { writePlainly } from './plain-backup.js'
import { manifestOf, type TestRepository, testRepository } from './repository.js'

export interface Sweeping {
  parts: Parts
  repository: TestRepository
  /** Who is on the server; everybody who was backed up here, unless it is replaced. */
  present: Set<SubjectId>
  /** A backup as a night makes it, at the clock's time, told to the journal. */
  backUp(subject: SubjectId, bytes: Uint8Array, kind?: BackupKind): Promise<Manifest>
  /** Stores the chunks of a backup that never gets its manifest. */
  storeOnly(subject: SubjectId, bytes: Uint8Array): Promise<WrittenStream>
  /** Tells the journal that a run began and failed. */
  fail(subject: SubjectId, code?: ErrorCode): void
  /** One run of the job. */
  sweep(options?: {
    yesRemove?: number
    present?: Set<SubjectId> | string
    parts?: Partial<Parts>
  }): Promise<RunResult & { report: SweepReport | null }>
  events<T extends StoredEvent['type']>(type: T): Extract<StoredEvent, { type: T }>[]
  /** Another policy: changes over those of schedules/retention.yaml. */
  setPolicy(changes: Record<string, unknown>): void
  /** A context for jobs that are called by themselves. */
  context(): JobContext
  close(): Promise<void>
}

/** Call `close` in the end. A shared repository gives its keys and its threads, and is not closed. */
export async function sweeping(
  store: Store,
  clock: Clock,
  changes: Record<string, unknown> = {},
  shared?: TestRepository,
): Promise<Sweeping> {
  const folder = await mkdtemp(join(tmpdir(), 'gmah-sweep-'))
  const journalDb = openSqlite(join(folder, 'journal.sqlite'), JOURNAL_MIGRATIONS)
  const catalogueDb = openSqlite(join(folder, 'catalogue.sqlite'), CATALOGUE_MIGRATIONS)
  const journal = openJournal(journalDb, clock)
  const locks = openJobLocks(journalDb, clock)
  const shutdown = new AbortController().signal
  const runner = createRunner({ journal, locks, clock, log: silentLogger(), shutdown })
  const repository = shared ? { ...shared, store, clock } : testRepository(store, { clock })
  const config = { schedules: [policySchedule(changes)], dump: { concurrency: 2 } }
  const parts: Parts = {
    config: config as unknown as Config,
    clock,
    repository,
    journal,
    catalogue: new Catalogue(catalogueDb),
    hetzner: null,
    files: store,
    laps: openRotationLaps(journalDb),
    oldEvents: openOldEvents(journalDb),
    tool: 'gmah-backup test',
  }
  const present = new Set<SubjectId>()
  const about = (subject: SubjectId) => ({ run: null, subject })
  return {
    parts,
    repository,
    present,
    backUp: async (subject, bytes, kind = 'scheduled') => {
      present.add(subject)
      const key = await ensureTenantKey(repository, subject)
      const made = manifestOf(subject, await writePlainly(repository, key, bytes), clock.now().toISOString())
      const manifest = { ...made, backup: newBackupId(), kind }
      await commitManifest(store, key, manifest)
      parts.catalogue.record(manifest)
      journal.event({ type: 'backup-committed', ...about(subject), facts: {} as never })
      return manifest
    },
    storeOnly: async (subject, bytes) =>
      writePlainly(repository, await ensureTenantKey(repository, subject), bytes),
    fail: (subject, code = 'dump-failed') => {
      const run = newRunId()
      journal.event({ type: 'backup-started', run, subject, facts: { kind: 'scheduled' } })
      const error = errorFacts(new Failure(code, 'as the test says'))
      journal.event({ type: 'backup-failed', run, subject, facts: { error } })
    },
    sweep: async ({ yesRemove, present: others = present, parts: more = {} } = {}) => {
      let report: SweepReport | null = null
      const result = await runner.run({ name: 'sweep', trigger: 'manual' }, async (context: RunContext) => {
        const request = { present: others, yesRemove: yesRemove ?? null }
        report = await sweepStore({ ...parts, ...more }, request, context)
        return endOfSweep(report)
      })
      return { ...result, report }
    },
    events: type => journal.events({ limit: 1_000_000 }).filter(event => event.type === type) as never,
    setPolicy: again => {
      Object.assign(config, { schedules: [policySchedule(again)] })
    },
    context: () => ({ run: 'cafecafecafe' as JobContext['run'], signal: shutdown, emit: () => {} }),
    close: async () => {
      if (!shared) await repository.close()
      journalDb.close()
      catalogueDb.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** The shipped schedule, with changes. */
export function policySchedule(changes: Record<string, unknown>) {
  const shipped = parse(readFileSync('schedules/retention.yaml', 'utf8'))
  const text = stringify({ ...shipped, ...changes })
  const now = new Date('2026-11-25T12:00:00Z')
  const { schedule, problems } = parseSchedule({
    name: 'retention',
    file: 'retention.yaml',
    text,
    variables: {},
    now,
  })
  if (schedule?.job !== 'sweep') throw new Error(`not a policy: ${JSON.stringify(problems)}`)
  return schedule
}
