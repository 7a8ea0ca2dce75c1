// Values of options as commander checks them: what cannot be one is wrong usage, told before anything is opened.
import { InvalidArgumentError } from 'commander'

/** A whole number from 1. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1.')
  return Number(text)
}
