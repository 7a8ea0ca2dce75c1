// Durations and sizes as people write them: `30m`, `20MiB`.

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

function amount(parts: RegExpExecArray | null, units: Record<string, number>): number | null {
  const unit = units[parts?.[2] ?? '']
  return unit === undefined ? null : Number(parts?.[1]) * unit
}
