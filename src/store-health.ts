// Whether the store answers, as seen by every operation on it; the daemon's lease asks it every half minute.
import type { StoreHealth } from './api/health.js'
import type { OperationReport } from './store/metered.js'
import type { Clock } from './sys/clock.js'

/** An object that is not there, or a condition that does not hold, is an answer like any other. */
const ANSWERS: readonly OperationReport['code'][] = ['ok', 'object-missing', 'store-conflict', 'store-locked']

export function createStoreHealth(clock: Clock): {
  note(report: OperationReport): void
  read(): StoreHealth
} {
  let health: StoreHealth = { lastSuccessAt: null, failure: null }
  return {
    note: ({ code, operation }) => {
      if (code === 'interrupted') return
      health = ANSWERS.includes(code)
        ? { lastSuccessAt: clock.now(), failure: null }
        : {
            ...health,
            failure: { code: code as never, message: `the last ${operation} on the store failed: ${code}` },
          }
    },
    read: () => health,
  }
}
