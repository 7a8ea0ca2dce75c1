// Progress on a terminal that a person watches: the subjects at work redraw, the finished ones stay, a count stands below.
import { Listr, ListrLogger, type ListrTaskWrapper, ProcessOutput } from 'listr2'
import { type SubjectId, subjectName } from '../domain/subject.js'
import type { Watcher } from '../jobs/parts.js'
import type { Clock } from '../sys/clock.js'
import { oneLine } from './cells.js'
import { counted } from './output.js'
import { backupLine, failedText, progressText, restoredLine } from './progress-text.js'

export type ClosingWatcher = Watcher & {
  /** Resolves when everything shown is final. Idempotent. */
  close(): Promise<void>
}

/** A redraw more often than this is only flicker. */
const REDRAW_MS = 200

interface Line {
  task: ListrTaskWrapper<unknown, never, never> | null
  title: string | null
  startedTicks: number | null
  drawnTicks: number
  /** What the task ends with: its promise, which this settles. */
  finish(outcome: 'done' | 'failed'): void
  finished: Promise<void>
}

/** The lines of one run. A subject has none before it starts: of two hundred, those at work must be on the screen. */
class Lines {
  readonly #lines = new Map<SubjectId, Line>()
  readonly #total = newLine()
  readonly #notice = newLine()
  #list: Promise<unknown> | null = null
  #ended = 0

  plan(subjects: readonly SubjectId[]): void {
    if (this.#list !== null) return
    for (const subject of subjects) this.#lines.set(subject, newLine())
    const lines = [...this.#lines.values(), ...(subjects.length > 1 ? [this.#total] : []), this.#notice]
    const list = new Listr(lines.map(asTask), {
      concurrent: true,
      exitOnError: false,
      // It would end the process in the middle of a write; our own handler ends the run, and the run ends this.
      registerSignalListeners: false,
      rendererOptions: { showErrorMessage: false, logger: onStderr() },
    })
    this.#list = list.run().catch(() => {})
    this.#count()
  }

  of(subject: SubjectId): Line {
    if (this.#list === null) this.plan([subject])
    return this.#lines.get(subject) ?? newLine()
  }

  end(subject: SubjectId, outcome: 'done' | 'failed', title: string): void {
    const line = this.of(subject)
    say(line, title)
    line.finish(outcome)
    this.#ended += 1
    this.#count()
  }

  /** Below all others: what is written to the terminal by other ways is held back until the end. */
  notice(text: string): void {
    if (this.#list === null) process.stderr.write(`${text}\n`)
    say(this.#notice, text)
  }

  async close(): Promise<void> {
    for (const line of this.#lines.values()) line.finish('done')
    say(this.#total, '')
    this.#total.finish('done')
    this.#notice.finish('done')
    await this.#list
  }

  #count(): void {
    say(this.#total, `${this.#ended} of ${counted(this.#lines.size, 'subject')} done`)
  }
}

/** A watcher that draws on stderr. Both stdout and stderr must be terminals. */
export function liveWatcher(clock: Clock): ClosingWatcher {
  const lines = new Lines()
  return {
    planned: subjects => lines.plan(subjects),
    progress: (subject, progress) => {
      const line = lines.of(subject)
      const ticks = clock.ticks()
      line.startedTicks ??= ticks
      if (ticks - line.drawnTicks < REDRAW_MS) return
      line.drawnTicks = ticks
      const text = progressText(progress, (ticks - line.startedTicks) / 1000)
      say(line, `${oneLine(subjectName(subject))}: ${text}`)
    },
    backedUp: manifest => lines.end(manifest.subject, 'done', backupLine(manifest)),
    restored: report => lines.end(report.manifest.subject, 'done', restoredLine(report)),
    failed: (subject, failure) => lines.end(subject, 'failed', failedText(subjectName(subject), failure)),
    notice: text => lines.notice(text),
    close: () => lines.close(),
  }
}

/** Without a title it is not drawn. */
const asTask = (line: Line) => ({
  task: (_: unknown, task: unknown) => {
    line.task = task as NonNullable<Line['task']>
    if (line.title !== null) line.task.title = line.title
    return line.finished
  },
})

function say(line: Line, title: string): void {
  line.title = title
  if (line.task) line.task.title = title
}

function newLine(): Line {
  const line: Partial<Line> = { task: null, title: null, startedTicks: null, drawnTicks: 0 }
  line.finished = new Promise<void>((resolve, reject) => {
    line.finish = outcome => (outcome === 'done' ? resolve() : reject(new Error('failed')))
  })
  line.finished.catch(() => {})
  return line as Line
}

/** listr2 draws on what it takes for stdout, which is for results alone. */
const onStderr = () => new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stdout) })
