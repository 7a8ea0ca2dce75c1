// A store that can only be read: for restores from a bucket that must not be touched.
import { Failure } from '../domain/errors.js'
import type { Store } from './port.js'

/** Wraps `store`; puts, aborts and delete fail with store-denied, and nothing is sent. */
export function readOnly(store: Store): Store {
  const refuse = async (what: string, key: string): Promise<never> => {
    throw new Failure('store-denied', `cannot ${what} ${key}: the store was opened for reading only`, {
      hint: 'use a command that only reads, or open the store without the read-only option',
    })
  }
  return {
    ...store,
    put: key => refuse('put', key),
    putStream: key => refuse('put', key),
    abortUpload: ({ key }) => refuse('abort the upload of', key),
    delete: key => refuse('delete', key),
  }
}
