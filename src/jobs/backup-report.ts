// How a night ended, as the journal and the exit status have it.
import type { NightReport } from './backup-all.js'

export function outcomeOf(report: NightReport): 'succeeded' | 'partial' | 'failed' {
  if (report.failed.length === 0) return 'succeeded'
  return report.succeeded.length > 0 ? 'partial' : 'failed'
}
