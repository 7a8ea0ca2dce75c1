// Events as they come: first what the journal kept after a sequence number, then what it gains, whichever process writes it.
// The journal is asked again at each wake, so a slow reader costs no memory and misses nothing that is kept.
import type { StoredEvent } from '../domain/events.js'
import type { RunId } from '../domain/ids.js'
import { isLive, type LiveEvent } from '../domain/live-events.js'
import type { Journal } from '../jobs/journal.js'
import type { Clock } from '../sys/clock.js'

export interface Following {
  afterSeq: number
  /** Of this run alone, and no longer than it lasts. */
  run: RunId | null
  wants(event: StoredEvent | LiveEvent): boolean
  signal: AbortSignal
}

/** Other processes write to the journal without telling us. */
const POLL_MS = 1_000
const PAGE = 500

/** Kept events in order; live ones as the newest of each subject. Ends with the signal, or after the run's last event. */
export async function* follow(
  journal: Journal,
  clock: Clock,
  { afterSeq, run, wants, signal }: Following,
): AsyncGenerator<StoredEvent | LiveEvent> {
  const live = new Map<string, LiveEvent>()
  const bell = createBell(clock)
  const unsubscribe = journal.subscribe(event => {
    if (run !== null && event.run !== run) return
    if (isLive(event)) live.set(`${event.type} ${event.run} ${event.subject}`, event)
    bell.ring()
  })
  try {
    let seq = afterSeq
    while (!signal.aborted) {
      const over = run !== null && journal.run(run)?.outcome !== 'running'
      const page = journal.events({ afterSeq: seq, limit: PAGE, ...(run ? { run } : {}) })
      seq = page.at(-1)?.seq ?? seq
      const newest = [...live.values()]
      live.clear()
      for (const event of [...page, ...newest]) if (wants(event)) yield event
      if (page.length === PAGE) continue
      if (over) return
      await bell.wait(signal)
    }
  } finally {
    unsubscribe()
  }
}

/** Rings for the one who waits, or for the next who will. */
function createBell(clock: Clock) {
  let rung = false
  let wake: AbortController | null = null
  return {
    ring: (): void => {
      rung = true
      wake?.abort()
    },
    wait: async (signal: AbortSignal): Promise<void> => {
      if (!rung) {
        wake = new AbortController()
        await clock.sleep(POLL_MS, AbortSignal.any([signal, wake.signal])).catch(() => {})
        wake = null
      }
      rung = false
    },
  }
}
