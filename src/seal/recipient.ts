// Is this a public age recipient? Asked of what an operator wrote into the configuration.
import { Failure } from '../domain/errors.js'
import { recipientBytes } from './age-keys.js'

/**
 * Never repeats what it was given: it could be an identity pasted into the wrong place.
 * @throws Failure secret-exposed, config-invalid
 */
export function checkRecipient(recipient: string): void {
  if (/^AGE-SECRET-KEY-/i.test(recipient)) {
    throw new Failure('secret-exposed', 'is a secret identity, not a recipient', {
      hint: 'remove it, make a new identity with age-keygen, and list its public age1… line here',
    })
  }
  try {
    recipientBytes(recipient)
  } catch {
    throw new Failure('config-invalid', 'is not an age recipient, or has a typing error', {
      hint: 'copy the whole age1… line that age-keygen printed',
    })
  }
}
