// What replaces live data comes with the tenant's name, as a person typed it.
import { Failure } from '../domain/errors.js'

/** @throws Failure confirmation-missing unless the name was typed out. */
export function assertConfirmed(name: string, typed: string | null): void {
  if (typed === name) return
  throw new Failure('confirmation-missing', `this replaces the live database of ${name}`, {
    hint: "give the tenant's name, typed out, as `confirm`",
  })
}
