// The status page for machines: what `status --json` prints and GET /v1/status answers.
import type { PlatformStatus } from './status.js'

/** Everything that is judged is inside its window, and everything could be looked at. */
export const isWell = ({ subjects, problems, schedules }: PlatformStatus): boolean =>
  problems.length === 0 &&
  subjects.every(one => one.troubles.length === 0) &&
  schedules.every(one => one.trouble === null)

/** @param whole false: only the tenants, for who may not see the platform itself. */
export function statusDocument(status: PlatformStatus, { whole }: { whole: boolean }) {
  const { at, windows, subjects, snapshots, archives, storedCost, putAside } = status
  const seen = whole ? status : { ...status, problems: [], schedules: [] }
  return {
    // Whoever sees no problem is not told that all is well while nobody could be asked.
    ok: isWell({ ...seen, problems: status.problems }),
    at,
    tenants: {
      windows,
      subjects,
      problems: seen.problems.map(({ code, message, hint }) => ({ code, message, hint })),
    },
    storedCost: whole ? storedCost : null,
    putAside: whole ? putAside : null,
    snapshots: whole ? snapshots : null,
    archives: whole ? archives : null,
    schedules: seen.schedules.map(({ schedule, lastRun, lastSuccess, next, paused, trouble }) => ({
      schedule: schedule.name,
      job: schedule.job,
      lastSuccess: lastSuccess?.finishedAt ?? null,
      lastOutcome: lastRun?.outcome ?? null,
      next,
      paused,
      trouble,
    })),
  }
}
