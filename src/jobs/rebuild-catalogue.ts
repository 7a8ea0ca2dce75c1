// The catalogue from the store alone: nothing that a restore needs lives only on this machine.
import type { RefreshReport } from '../repository/refresh-report.js'
import type { JobContext, Parts } from './parts.js'
import { refreshCatalogue } from './refresh-catalogue.js'

/** @throws Failure when the store cannot be read; single objects that cannot be used are in the report. */
export async function rebuildCatalogue(parts: Parts, context: JobContext): Promise<RefreshReport> {
  const started = parts.clock.ticks()
  const report = await refreshCatalogue(parts, context.emit, { from: 'nothing', signal: context.signal })
  const { subjects, backups } = report
  const durationMs = Math.round(parts.clock.ticks() - started)
  context.emit({ type: 'catalogue-rebuilt', facts: { subjects, backups, durationMs } })
  return report
}
