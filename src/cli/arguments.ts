// Values of options as commander checks them: what cannot be one is wrong usage, told before anything is opened.
import { InvalidArgumentError } from 'commander'
import { sizeBytes } from '../domain/quantity.js'
import { isReadWords } from '../domain/read-mode.js'

/** A whole number from 1. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1.')
  return Number(text)
}

/** A number of nights, from 1 to 366. */
export function parseNights(text: string): number {
  const nights = parseCount(text)
  if (nights > 366) throw new InvalidArgumentError('Give a number of nights from 1 to 366.')
  return nights
}

/** Bytes of a size like 20GiB. */
export function parseSize(text: string): number {
  const bytes = sizeBytes(text)
  if (bytes === null || bytes === 0) throw new InvalidArgumentError('Give a size like 512MiB or 20GiB.')
  return bytes
}

/** What a check reads back. */
export function parseReadWords(text: string): string {
  if (!isReadWords(text)) throw new InvalidArgumentError('Give none, all, rotate or a percentage like 5%.')
  return text
}

/** Names separated by commas. */
export function parseNames(text: string): string[] {
  const names = text.split(',').map(name => name.trim())
  if (names.includes('')) throw new InvalidArgumentError('Give names separated by commas.')
  return names
}
