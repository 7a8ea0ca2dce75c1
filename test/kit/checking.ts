// Checks of a repository on any store, without PostgreSQL: the real job on local state of its own, and what it told.
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { NewEvent } from '../../src/domain/events.js'
import { newRunId } from '../../src/domain/ids.js'
import type { SubjectId } from '../../src/domain/subject.js'
import type { CheckReport } from '../../src/jobs/check-report.js'
import { type CheckRequest, checkStore } from '../../src/jobs/check-store.js'
import type { JobContext, Parts } from '../../src/jobs/parts.js'
import { openRotationLaps, type RotationLaps } from '../../src/jobs/rotation-laps.js'
import { CATALOGUE_MIGRATIONS, Catalogue } from '../../src/repository/catalogue.js'
import type { Repository } from '../../src/repository/repository.js'
import { openSqlite } from '../../src/sys/sqlite.js'
import { openState, tempFolder } from './state.js'

export interface Checking {
  parts: Parts
  laps: RotationLaps
  catalogue: Catalogue
  /** What the checks told, oldest first. */
  told: Pick<NewEvent, 'type' | 'facts' | 'subject'>[]
  context: JobContext
  check(request?: Partial<CheckRequest>): Promise<CheckReport>
  /** As when the state directory was lost. */
  forget(): void
}

/** Call it within a test: its files are gone with that. */
export function checking(repository: Repository, subject: SubjectId | null = null): Checking {
  const db = openSqlite(join(tempFolder(), 'catalogue.sqlite'), CATALOGUE_MIGRATIONS)
  onTestFinished(() => void db.close())
  const catalogue = new Catalogue(db)
  const told: Checking['told'] = []
  const context: JobContext = {
    run: newRunId(),
    signal: new AbortController().signal,
    emit: event => void told.push({ subject, ...event } as Checking['told'][number]),
  }
  let laps = openRotationLaps(openState().db)
  const parts = { repository, catalogue, clock: repository.clock } as unknown as Parts
  return {
    catalogue,
    told,
    context,
    get laps() {
      return laps
    },
    get parts() {
      return { ...parts, laps }
    },
    check: request => {
      const whole = { names: [], mode: { kind: 'none' }, budgetBytes: null, ...request } as const
      return checkStore({ ...parts, laps }, whole, context)
    },
    forget: () => {
      laps = openRotationLaps(openState().db)
    },
  }
}
