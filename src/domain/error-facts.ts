// A failure as the journal keeps it, and whatever tells of it later.
import type { ErrorCode } from './errors.js'

/** A failure as it is kept: no stack, no secret. */
export interface ErrorFacts {
  code: ErrorCode
  message: string
  hint: string
  /** Outermost first. */
  causes: string[]
}
