// Whether the store answers, as seen by every operation on it; the daemon's lease asks it every half minute.
import type { ErrorCode } from '../domain/errors.js'
import type { Clock } from '../sys/clock.js'
import type { StoreHealth } from './health.js'

/** An object that is not there, or a condition that does not hold, is an answer like any other. */
const ANSWERS: readonly (ErrorCode | 'ok')[] = ['ok', 'object-missing', 'store-conflict', 'store-locked']

export interface StoreWatch {
  /** One operation on the store has ended. */
  note(operation: string, code: ErrorCode | 'ok'): void
  read(): StoreHealth
  /** The store said what time it is there. */
  hearTime(at: Date): void
  /** By how much the store's clock is ahead of ours, to within a second or so; null: it never said. */
  aheadMs(): number | null
}

export function watchStore(clock: Clock): StoreWatch {
  let aheadMs: number | null = null
  let health: StoreHealth = { lastSuccessAt: null, failure: null }
  return {
    note: (operation, code) => {
      if (code === 'interrupted' || code === 'cancelled') return
      health =
        code === 'ok' || ANSWERS.includes(code)
          ? { lastSuccessAt: clock.now(), failure: null }
          : { ...health, failure: { code, message: `the last ${operation} on the store failed` } }
    },
    read: () => health,
    hearTime: at => {
      aheadMs = at.getTime() - clock.now().getTime()
    },
    aheadMs: () => aheadMs,
  }
}
