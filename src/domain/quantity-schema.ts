// The zod types of durations, sizes and numbers as people write them. Apart from the words themselves, which every command
// has, while most need no zod.
import { z } from 'zod'
import { durationMs, formatDuration, sizeBytes } from './quantity.js'

/** A zod type: text with a unit in, milliseconds out. */
export function duration(limits: { minMs: number; maxMs: number }) {
  const range = `from ${formatDuration(limits.minMs)} to ${formatDuration(limits.maxMs)}`
  return quantity(durationMs, limits.minMs, limits.maxMs, `must be a duration like 30s, 30m or 26h, ${range}`)
}

/** A zod type: text with a unit in, bytes out. */
export function size(limits: { minBytes: number; maxBytes: number }) {
  return quantity(sizeBytes, limits.minBytes, limits.maxBytes, 'must be a size like 256KiB or 20MiB')
}

/** A zod type: a whole number, or its digits as text, which is what `${VAR}` leaves. */
export function whole(min: number, max: number) {
  const digits = (value: unknown) =>
    typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return z.preprocess(digits, z.int().min(min).max(max))
}

function quantity(read: (text: string) => number | null, min: number, max: number, message: string) {
  return z.unknown().transform((value, context): number => {
    const found = typeof value === 'string' ? read(value) : null
    if (found !== null && found >= min && found <= max) return found
    context.addIssue({ code: 'custom', message: value === undefined ? 'is missing' : message, input: value })
    return z.NEVER
  })
}
