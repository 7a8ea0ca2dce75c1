// The figures for people: medians of the rounds, ratios to the yardstick of the same round.
import { median } from './measure.js'
import { PHASES, type Phase, type Result, YARDSTICK } from './rounds.js'

const HEADINGS = [
  '',
  'seconds',
  'ratio',
  '(least to most)',
  'CPU s',
  'stored MB',
  'peak RSS MB',
  'loop p99 ms',
]

/** One table for each workload. */
export function reportText(results: readonly Result[]): string {
  const workloads = [...new Set(results.map(one => one.workload))]
  return workloads
    .map(name =>
      workloadText(
        name,
        results.filter(one => one.workload === name),
      ),
    )
    .join('\n\n')
}

function workloadText(name: string, results: readonly Result[]): string {
  const phases = PHASES.filter(phase => results.some(one => one.phase === phase))
  const rows = phases.flatMap(phase => {
    const inPhase = results.filter(one => one.phase === phase)
    const whos = [...new Set(inPhase.map(one => one.who))].sort(by(inPhase))
    return [[`${phase}:`], ...whos.map(who => row(phase, who, inPhase))]
  })
  return [name, ...aligned([HEADINGS, ...rows])].join('\n')
}

/** The yardstick first, then by time. */
function by(results: readonly Result[]): (one: string, other: string) => number {
  const place = (who: string): number =>
    results.some(one => one.who === who && who === YARDSTICK[one.phase])
      ? -1
      : median(results.filter(one => one.who === who).map(one => one.seconds))
  return (one, other) => place(one) - place(other)
}

function row(phase: Phase, who: string, results: readonly Result[]): string[] {
  const own = results.filter(one => one.who === who)
  const ratios = ratiosOf(phase, who, results)
  const figure = (pick: (one: Result) => number | undefined, unit: number, digits: number): string => {
    const values = own.map(pick).filter(value => value !== undefined && !Number.isNaN(value)) as number[]
    return values.length === 0 ? '' : (median(values) / unit).toFixed(digits)
  }
  return [
    `  ${who}`,
    figure(one => one.seconds, 1, 2),
    median(ratios).toFixed(2),
    `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    figure(one => one.cpuSeconds, 1, 1),
    figure(one => one.storedBytes, 1e6, 3),
    figure(one => one.rssBytes, 1e6, 0),
    figure(one => one.loopP99Ms, 1, 1),
  ]
}

function ratiosOf(phase: Phase, who: string, results: readonly Result[]): number[] {
  const rounds = results.filter(one => one.who === who)
  return rounds.map(one => {
    const yardstick = results.find(other => other.round === one.round && other.who === YARDSTICK[phase])
    return one.seconds / (yardstick?.seconds ?? Number.NaN)
  })
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADINGS.map((_, at) => Math.max(...rows.map(cells => (cells[at] ?? '').length)))
  return rows.map(cells =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
