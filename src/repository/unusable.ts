// Tells what is wrong with one object from what is wrong with the store as a whole.
import { asFailure, type ErrorCode, type Failure } from '../domain/errors.js'

const UNUSABLE: readonly ErrorCode[] = [
  'object-missing',
  'object-corrupt',
  'manifest-invalid',
  'format-unknown',
]

/** What says that one object is of no use. @throws what was thrown when it tells of the store instead, or of us. */
export function unusable(thrown: unknown): Failure {
  const failure = asFailure(thrown)
  if (!UNUSABLE.includes(failure.code)) throw thrown
  return failure
}
