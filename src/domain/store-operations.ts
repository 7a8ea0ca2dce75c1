// What can be asked of a store, as it is reported and counted.
import type { ErrorCode } from './errors.js'

export const STORE_OPERATIONS = ['put', 'put-stream', 'get', 'head', 'list', 'folders', 'delete'] as const

/** One operation that ended. */
export interface OperationReport {
  operation: (typeof STORE_OPERATIONS)[number]
  code: ErrorCode | 'ok'
  /** Of a listing: the time spent waiting for it, without that of whoever reads it. */
  durationMs: number
  /** Of bodies, in the direction of the operation; 0 where there is none. */
  bytes: number
}
