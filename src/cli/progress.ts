// Live progress of a run: one line a subject that redraws on a terminal, plain lines elsewhere.
import { Listr, type ListrTaskWrapper } from 'listr2'
import type { Failure } from '../domain/errors.js'
import type { Manifest } from '../domain/manifest.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import type { Progress, Watcher } from '../jobs/parts.js'
import type { Clock } from '../sys/clock.js'
import { bytesText, countText, type Terminal } from './output.js'

/** A redraw more often than this is only flicker. */
const REDRAW_MS = 200

/** A watcher for this terminal. `close` resolves when everything shown is final. */
export function watchRun(terminal: Terminal, clock: Clock): Watcher & { close(): Promise<void> } {
  if (terminal.json) return { close: async () => {} }
  return terminal.live ? liveWatcher(clock) : plainWatcher(terminal)
}

/** acme: 120 345 rows, 28.5 MB at 71.2 MB/s; 1.20 MB new, 27.3 MB reused */
export function backupLine(manifest: Manifest): string {
  const { bytes } = manifest.stream
  const rows = (manifest.dump?.tables ?? []).reduce((sum, one) => sum + one.rows, 0)
  const content = manifest.dump ? `${countText(rows)} rows, ` : ''
  const seconds = manifest.durations.totalSeconds ?? 0
  // Of a small one the speed says only how long it takes to begin.
  const speed = seconds > 0 && bytes >= 1_000_000 ? ` at ${bytesText(bytes / seconds)}/s` : ''
  return `${subjectName(manifest.subject)}: ${content}${bytesText(bytes)}${speed}; ${noveltyText(manifest)}`
}

function noveltyText({ stored: { newBytes, reusedBytes } }: Manifest): string {
  if (newBytes === 0) return 'nothing new'
  return reusedBytes === 0 ? 'all new' : `${bytesText(newBytes)} new, ${bytesText(reusedBytes)} reused`
}

function plainWatcher(terminal: Terminal): Watcher & { close(): Promise<void> } {
  return {
    planned: subjects => terminal.err(`backing up ${subjects.length} subjects`),
    backedUp: manifest => terminal.err(`ok  ${backupLine(manifest)}`),
    failed: (subject, failure) =>
      terminal.err(`FAILED  ${subjectName(subject)}: ${failure.message} [${failure.code}]`),
    close: async () => {},
  }
}

interface Line {
  task: ListrTaskWrapper<unknown, never, never> | null
  startedTicks: number | null
  drawnTicks: number
  resolve(): void
  reject(failure: Failure): void
  done: Promise<void>
}

function liveWatcher(clock: Clock): Watcher & { close(): Promise<void> } {
  const lines = new Map<SubjectId, Line>()
  let drawn: Promise<unknown> = Promise.resolve()
  const lineOf = (subject: SubjectId): Line => lines.get(subject) ?? addLines([subject])
  const addLines = (subjects: readonly SubjectId[]): Line => {
    const added = subjects.map(subject => [subject, newLine()] as const)
    for (const [subject, line] of added) lines.set(subject, line)
    const tasks = added.map(([subject, line]) => ({
      title: subjectName(subject),
      task: (_: unknown, task: unknown) => {
        line.task = task as NonNullable<Line['task']>
        return line.done
      },
    }))
    const list = new Listr(tasks, {
      concurrent: true,
      exitOnError: false,
      rendererOptions: { collapseErrors: true },
    })
    drawn = Promise.all([drawn, list.run().catch(() => {})])
    return (added[0] as readonly [SubjectId, Line])[1]
  }
  return {
    planned: subjects => void (subjects.length > 0 && addLines(subjects)),
    progress: (subject, progress) => redraw(lineOf(subject), subject, progress, clock),
    backedUp: manifest => {
      const line = lineOf(manifest.subject)
      if (line.task) line.task.title = backupLine(manifest)
      line.resolve()
    },
    failed: (subject, failure) => lineOf(subject).reject(failure),
    close: async () => {
      for (const line of lines.values()) line.resolve()
      await drawn
    },
  }
}

function newLine(): Line {
  const line: Partial<Line> = { task: null, startedTicks: null, drawnTicks: 0 }
  line.done = new Promise<void>((resolve, reject) => {
    line.resolve = resolve
    line.reject = reject
  })
  line.done.catch(() => {})
  return line as Line
}

function redraw(line: Line, subject: SubjectId, progress: Progress, clock: Clock): void {
  const ticks = clock.ticks()
  line.startedTicks ??= ticks
  if (!line.task || ticks - line.drawnTicks < REDRAW_MS) return
  line.drawnTicks = ticks
  line.task.title = `${subjectName(subject)}: ${progressText(progress, (ticks - line.startedTicks) / 1000)}`
}

const PHASES = { dump: 'dumping', load: 'loading', prove: 'proving', export: 'writing' } as const

function progressText(progress: Progress, seconds: number): string {
  const { phase, bytes, of, newBytes, reusedBytes } = progress
  const share = of ? ` of ${bytesText(of)} (${Math.floor((100 * bytes) / of)} %)` : ''
  const speed = seconds > 0.5 ? `, ${bytesText(bytes / seconds)}/s` : ''
  const kept =
    newBytes === undefined ? '' : `, ${bytesText(newBytes)} new, ${bytesText(reusedBytes ?? 0)} reused`
  return `${PHASES[phase]} ${bytesText(bytes)}${share}${speed}${kept}`
}
