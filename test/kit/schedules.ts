// The schedules that the program ships, in the folder of an installation: as they are, or changed.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { Schedule } from '../../src/domain/schedule.js'
import type { Installation } from './installation.js'

/** A night that is due each day, for schedulers and pages that run none. */
export const NIGHTLY: Schedule = {
  ...{ name: 'nightly', job: 'backup-all', cron: '30 1 * * *', timeZone: 'UTC', why: 'test' },
  ...{ freshnessWindowMs: 27 * 3_600_000, catchUp: true, deadlineMs: 3_600_000 },
}

/** Puts a shipped schedule into the installation, with changes over its keys. */
export function shipSchedule(
  { folder }: Pick<Installation, 'folder'>,
  name: string,
  changes: Record<string, unknown> = {},
): void {
  const shipped = parse(readFileSync(join('schedules', `${name}.yaml`), 'utf8'))
  writeFileSync(join(folder, 'schedules', `${name}.yaml`), stringify({ ...shipped, ...changes }))
}
