// Drills on an installation: a scratch directory that the unprivileged server can pass through, and one night as a run.
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DrillSettings } from '../../src/domain/schedule.js'
import { drill } from '../../src/jobs/drill.js'
import { type DrillReport, endOfDrills } from '../../src/jobs/drill-report.js'
import type { Watcher } from '../../src/jobs/parts.js'
import type { RunResult } from '../../src/jobs/runner.js'
import type { Installation } from './installation.js'

/** Short, because a socket's path is; 0755, because the server runs as another user when the tests run as root. */
export function scratchFolder(): { path: string; left(): string[]; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'gmah-drill-'))
  chmodSync(path, 0o755)
  return {
    path,
    left: () => readdirSync(path),
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

export const DRILLS: DrillSettings = {
  budgetMs: 3_600_000,
  diskBytes: 20e9,
  concurrency: 2,
  everyMs: 7 * 86_400_000,
}

/** One run of the drill job, journalled. */
export async function nightOfDrills(
  here: Installation,
  settings: Partial<DrillSettings> = {},
  watch?: Watcher,
): Promise<RunResult & { report: DrillReport | null }> {
  let report: DrillReport | null = null
  const result = await here.app.runner.run({ name: 'drill', trigger: 'schedule' }, async context => {
    const watched = watch ? { ...context, watch } : context
    report = await drill(here.parts(), { ...DRILLS, ...settings }, watched)
    return endOfDrills(report)
  })
  return { ...result, report }
}
