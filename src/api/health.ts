// Alive and ready: alive is about this process alone, ready is about whether the next restore could rely on it.
import type { ErrorCode } from '../domain/errors.js'
import { asFailure } from '../domain/errors.js'
import { formatDuration } from '../domain/quantity.js'
import type { Journal } from '../jobs/journal.js'
import type { ScheduleStatus } from '../jobs/scheduler.js'
import type { Clock } from '../sys/clock.js'

/** What is known of the store: when it last answered as it should, and what it said if it did not since. */
export interface StoreHealth {
  lastSuccessAt: Date | null
  failure: { code: ErrorCode; message: string } | null
}

export interface Reason {
  check: 'journal' | 'store' | 'schedule' | 'stopping'
  /** The schedule's name, for that check. */
  name?: string
  code: ErrorCode | 'stale'
  message: string
}

export interface HealthSources {
  journal: Journal
  clock: Clock
  store(): StoreHealth | Promise<StoreHealth>
  schedules(): readonly ScheduleStatus[]
  stopping: AbortSignal
}

/** The store is asked about at least this often by whoever keeps StoreHealth. */
const STORE_RECENT_MS = 15 * 60_000

/** Why the daemon is not ready; empty when it is. */
export async function notReady(sources: HealthSources): Promise<Reason[]> {
  const { journal, stopping } = sources
  const reasons: Reason[] = []
  if (stopping.aborted)
    reasons.push({ check: 'stopping', code: 'interrupted', message: 'the daemon is stopping' })
  try {
    journal.events({ limit: 1 })
    reasons.push(...scheduleReasons(sources))
  } catch (thrown) {
    const { code, message } = asFailure(thrown)
    reasons.push({ check: 'journal', code, message })
  }
  reasons.push(...(await storeReasons(sources)))
  return reasons
}

async function storeReasons({ store, clock }: HealthSources): Promise<Reason[]> {
  try {
    const { failure, lastSuccessAt } = await store()
    if (failure) return [{ check: 'store', ...failure }]
    const ageMs = lastSuccessAt ? clock.now().getTime() - lastSuccessAt.getTime() : Number.POSITIVE_INFINITY
    if (ageMs <= STORE_RECENT_MS) return []
    const message = lastSuccessAt
      ? `the store last answered at ${lastSuccessAt.toISOString()}`
      : 'the store was not asked yet'
    return [{ check: 'store', code: 'store-unreachable', message }]
  } catch (thrown) {
    const { code, message } = asFailure(thrown)
    return [{ check: 'store', code, message }]
  }
}

function scheduleReasons({ schedules, clock }: HealthSources): Reason[] {
  return schedules().flatMap(({ schedule, lastRun, lastSuccess }): Reason[] => {
    const { name, freshnessWindowMs } = schedule
    if (lastRun && (lastRun.outcome === 'failed' || lastRun.outcome === 'partial')) {
      const message = `the last run of ${schedule.job} ended ${lastRun.outcome}: ${lastRun.error?.message ?? 'see its events'}`
      return [{ check: 'schedule', name, code: lastRun.error?.code ?? 'partial', message }]
    }
    const ageMs = lastSuccess?.finishedAt ? clock.now().getTime() - lastSuccess.finishedAt.getTime() : 0
    if (ageMs <= freshnessWindowMs) return []
    const message = `the last success of ${schedule.job} is older than ${formatDuration(freshnessWindowMs)}`
    return [{ check: 'schedule', name, code: 'stale', message }]
  })
}
