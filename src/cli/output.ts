// How the command line speaks: results on stdout, everything else on stderr; one JSON document for machines; errors with
// their hint. The words of sizes, times and counts are here too.
import { asFailure, causes, type Failure } from '../domain/errors.js'
import { redactText } from '../domain/redact.js'
import { shellWord } from '../domain/shell-word.js'
import { gather } from '../sys/gather.js'
import { harmless } from './cells.js'

export interface Terminal {
  json: boolean
  /** Errors come with the stacks that led to them. */
  debug: boolean
  /** True when a person watches: progress may redraw lines. */
  live: boolean
  /** How wide stdout is; null when it is no terminal, and lines are never cut. */
  columns: number | null
  out(text: string): void
  err(text: string): void
}

/** The process's own terminal. */
export function processTerminal({
  json = false,
  debug = false,
}: {
  json?: boolean
  debug?: boolean
}): Terminal {
  const { stdout, stderr } = process
  return {
    json,
    debug,
    live: !json && stderr.isTTY === true && stdout.isTTY === true && stdout.columns > 20,
    columns: stdout.isTTY && stdout.columns > 20 ? stdout.columns : null,
    out: text => void stdout.write(`${harmless(text)}\n`),
    err: text => void stderr.write(`${harmless(text)}\n`),
  }
}

/** Whoever reads our output may stop reading (`| head`): that ends the output, not the work. */
export function surviveBrokenPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', error => {
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
    })
  }
}

/** Prints `value` as JSON, or what `text` makes of it. */
export function show<T>(terminal: Terminal, value: T, text: (value: T) => string): void {
  terminal.out(terminal.json ? JSON.stringify(value, null, 2) : text(value))
}

const LINES_AT_ONCE = 200

/** Prints lines as they come: there may be more than anyone should hold. */
export async function showLines(terminal: Terminal, lines: AsyncIterable<string>): Promise<void> {
  for await (const some of gather(lines, LINES_AT_ONCE, () => 1)) terminal.out(some.join('\n'))
}

/** An error for a tired person: what failed, why, what to type next. @returns the exit status. */
export function showFailure(terminal: Terminal, thrown: unknown): number {
  const failure = asFailure(thrown)
  const { code, message, hint, exit, facts } = failure
  if (terminal.json) {
    const stack = terminal.debug ? { stack: stackText(failure) } : {}
    const error = { code, exit, message, hint, causes: causes(failure).slice(1), facts, ...stack }
    terminal.out(JSON.stringify({ error }, null, 2))
    return exit
  }
  terminal.err(`error: ${failureText(failure, terminal.debug)}`)
  if (typeof facts.run === 'string') {
    const at = typeof facts.config === 'string' ? ` --config ${shellWord(facts.config)}` : ''
    terminal.err(`  run: ${facts.run}, see \`gmah-backup${at} runs ${facts.run}\``)
  }
  if (terminal.debug) terminal.err(stackText(failure))
  return exit
}

/** What failed, why and what to do, over several lines. `whole`: however long the causes are. */
export function failureText(failure: Failure, whole = false): string {
  const why = causes(failure)
    .slice(1)
    .map(line => `  because: ${whole ? indented(line) : shortened(indented(line))}`)
  return [`${failure.message} [${failure.code}]`, ...why, `  hint: ${failure.hint}`].join('\n')
}

/** Programs say a lot when they die, and the reason comes last. */
const CAUSE_LINES = 12

const indented = (text: string): string => text.trimEnd().replaceAll('\n', '\n    ')

function shortened(text: string): string {
  const lines = text.split('\n')
  if (lines.length <= CAUSE_LINES) return text
  const kept = lines.slice(1 - CAUSE_LINES)
  return [`(${lines.length - kept.length} lines before; --debug shows all)`, ...kept].join('\n')
}

function stackText(failure: Failure): string {
  const stacks: string[] = []
  let at: unknown = failure
  while (at instanceof Error && stacks.length < 10) {
    stacks.push(redactText(at.stack ?? at.message))
    at = at.cause
  }
  return stacks.join('\ncaused by: ')
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
  return `${unit === 0 ? Math.round(value) : value.toPrecision(3)} ${units[unit]}`
}

/** 0.4 s, 12 s, 3 min 20 s, 2 h 5 min. */
export function secondsText(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** 27 ms, 1.2 s. */
export const millisecondsText = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : secondsText(ms / 1000)

/** 20261123T013000.123Z or an ISO instant as 2026-11-23 01:30:00Z. */
export function instantText(instant: string): string {
  const parts = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)/.exec(instant)
  return parts ? `${parts[1]}-${parts[2]}-${parts[3]} ${parts[4]}:${parts[5]}:${parts[6]}Z` : instant
}

/** 1234567 as 1 234 567. */
export const countText = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ' ')

/** 1 table, 2 tables, 1 234 tables. */
export const counted = (count: number, noun: string): string =>
  `${countText(count)} ${noun}${count === 1 ? '' : 's'}`
