// Progress of a run, on stderr: a line a subject, as it ends. On a terminal those that are at work redraw below.
import { isStop } from '../domain/errors.js'
import { subjectName } from '../domain/subject.js'
import type { Clock } from '../sys/clock.js'
import { oneLine } from './cells.js'
import type { ClosingWatcher } from './live.js'
import { counted, failureText, type Terminal } from './output.js'
import { backupLine, restoredLine } from './progress-text.js'

/** A watcher for this terminal. */
export async function watchRun(terminal: Terminal, clock: Clock): Promise<ClosingWatcher> {
  if (terminal.json) return { close: async () => {} }
  if (!terminal.live) return plainWatcher(terminal)
  const { liveWatcher } = await import('./live.js')
  return liveWatcher(clock)
}

/** Gives the work a watcher, and closes it whatever happens: an error must not be said into a line that redraws. */
export async function watched<T>(
  terminal: Terminal,
  clock: Clock,
  work: (watch: ClosingWatcher) => Promise<T>,
): Promise<T> {
  const watch = await watchRun(terminal, clock)
  try {
    return await work(watch)
  } finally {
    await watch.close()
  }
}

function plainWatcher(terminal: Terminal): ClosingWatcher {
  return {
    planned: (subjects, what = 'backing up') =>
      terminal.err(`${what} ${counted(subjects.length, 'subject')}`),
    backedUp: manifest => terminal.err(`ok      ${backupLine(manifest)}`),
    restored: report => terminal.err(`ok      ${restoredLine(report)}`),
    failed: (subject, failure) => {
      const name = oneLine(subjectName(subject))
      // An interruption is the whole run's, which tells of it.
      const text = isStop(failure) ? `stopped ${name}` : `FAILED  ${name}: ${failureText(failure)}`
      terminal.err(text)
    },
    notice: line => terminal.err(line),
    close: async () => {},
  }
}
