// How the command line speaks: aligned columns for people, one JSON document for machines, errors with their hint.
import { asFailure, causes } from '../domain/errors.js'

export interface Terminal {
  json: boolean
  /** True when a person watches: progress may redraw lines. */
  live: boolean
  out(text: string): void
  err(text: string): void
}

/** The process's own terminal. */
export function processTerminal(json: boolean): Terminal {
  return {
    json,
    live: !json && process.stderr.isTTY === true,
    out: text => void process.stdout.write(`${text}\n`),
    err: text => void process.stderr.write(`${text}\n`),
  }
}

/** Prints `value` as JSON, or what `text` makes of it. */
export function show<T>(terminal: Terminal, value: T, text: (value: T) => string): void {
  terminal.out(terminal.json ? JSON.stringify(value, null, 2) : text(value))
}

/** An error for a tired person: what failed, why, what to type next. @returns the exit status. */
export function showFailure(terminal: Terminal, thrown: unknown): number {
  const failure = asFailure(thrown)
  const [, ...why] = causes(failure)
  if (terminal.json) {
    const { code, message, hint, facts } = failure
    terminal.out(JSON.stringify({ error: { code, message, hint, causes: why, facts } }, null, 2))
    return failure.exit
  }
  terminal.err(`error: ${failure.message} [${failure.code}]`)
  for (const line of why) terminal.err(`  because: ${line}`)
  terminal.err(`  hint: ${failure.hint}`)
  return failure.exit
}

/** Rows under headings, columns aligned; numbers (cells that start with a digit) to the right. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, at) =>
    Math.max(heading.length, ...rows.map(row => (row[at] ?? '').length)),
  )
  const line = (cells: readonly string[], right: (at: number) => boolean) =>
    cells
      .map((cell, at) => (right(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd()
  const numeric = headings.map(
    (_, at) =>
      rows.length > 0 && rows.every(row => /^[\d-]/.test(row[at] ?? '') && !/T|:/.test(row[at] ?? '')),
  )
  return [headings, ...rows].map(row => line(row, at => numeric[at] === true)).join('\n')
}

/** 0 B, 12.3 kB, 4.56 MB: powers of a thousand, three digits. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`
}

/** 0.4 s, 12 s, 3 min 20 s, 2 h 5 min. */
export function secondsText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** 20261123T013000Z or an ISO instant as 2026-11-23 01:30:00Z. */
export function instantText(instant: string): string {
  const parts = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)/.exec(instant)
  return parts ? `${parts[1]}-${parts[2]}-${parts[3]} ${parts[4]}:${parts[5]}:${parts[6]}Z` : instant
}

export const countText = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ' ')
