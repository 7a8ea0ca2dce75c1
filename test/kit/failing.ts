// What a call that has to fail fails with.
import { asFailure, type Failure } from '../../src/domain/errors.js'

/** @throws when the call succeeds. */
export const failureOf = (call: Promise<unknown>): Promise<Failure> =>
  call.then(() => {
    throw new Error('it should have failed')
  }, asFailure)
