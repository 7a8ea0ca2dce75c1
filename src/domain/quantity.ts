// Durations and sizes as people write them (`30m`, `20MiB`), and the zod types that read them.
import { z } from 'zod'

const DURATION_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const SIZE_BYTES: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/** Milliseconds of `250ms`, `30s`, `30m`, `26h`, `7d`; null when the text is none of these. */
export function durationMs(text: string): number | null {
  return amount(/^(\d{1,9})(ms|s|m|h|d)$/.exec(text), DURATION_MS)
}

/** Bytes of `512B`, `256KiB`, `20MiB`, `1GiB`; null when the text is none of these. */
export function sizeBytes(text: string): number | null {
  return amount(/^(\d{1,9})(B|KiB|MiB|GiB)$/.exec(text), SIZE_BYTES)
}

/** A duration for people, in the largest unit that divides it: 90000 is `90s`, 3600000 is `1h`. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const unitMs = DURATION_MS[unit] ?? 1
    if (ms !== 0 && ms % unitMs === 0) return `${ms / unitMs}${unit}`
  }
  return `${ms}ms`
}

/** 45 s, 12 min, 26 h, 9 d: an age is read at a glance. */
export function ageText(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

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

function amount(parts: RegExpExecArray | null, units: Record<string, number>): number | null {
  const unit = units[parts?.[2] ?? '']
  return unit === undefined ? null : Number(parts?.[1]) * unit
}
