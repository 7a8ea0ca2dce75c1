// Intake threads between two streams: one that saw a stream through takes the next, its code loaded and compiled already.
// For a tenant of 15 MB a new thread would spend twice on that what it spends on the stream.
import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { Failure } from '../domain/errors.js'
import { builtFile } from '../sys/built.js'
import { systemClock } from '../sys/clock.js'
import { startThread } from '../sys/threads.js'

/** As many as dumps usually run at once; each keeps some 20 MB. */
const SPARE_MAX = 2
const IDLE_MS = 60_000

const spare = new Set<Worker>()
let usedSinceLook = false
let stopWatch: (() => void) | null = null

/**
 * A thread that waits for its stream, its code loaded. It keeps the process alive until it is given back or terminated.
 * @throws Failure unexpected when it ends instead.
 */
export async function takeThread(): Promise<Worker> {
  usedSinceLook = true
  // The one that worked last: its code and its memory are the warmest.
  const thread = [...spare].at(-1)
  if (!thread) return newThread()
  spare.delete(thread)
  forget(thread)
  thread.ref()
  return thread
}

/** It says one thing unasked: that it has loaded. Until then nothing is laid out for it that a crash of ours would leave there. */
async function newThread(): Promise<Worker> {
  const thread = startThread(builtFile(import.meta.url, './intake-thread.js'), null)
  const ended = new AbortController()
  thread.once('exit', () => ended.abort())
  try {
    await once(thread, 'message', { signal: ended.signal })
    return thread
  } catch (cause) {
    throw new Failure('unexpected', 'an intake thread did not start', { cause })
  } finally {
    forget(thread)
  }
}

/** Only for a thread whose stream came to a good end; it ends when none was needed for a minute. */
export async function giveThreadBack(thread: Worker): Promise<void> {
  forget(thread)
  if (spare.size >= SPARE_MAX) {
    await thread.terminate()
    return
  }
  const lose = () => void spare.delete(thread)
  thread.on('error', lose).on('exit', lose)
  thread.unref()
  spare.add(thread)
  stopWatch ??= systemClock.every(IDLE_MS, look)
}

/** These by name: node keeps listeners of its own on a thread. */
function forget(thread: Worker): void {
  for (const event of ['message', 'error', 'exit'] as const) thread.removeAllListeners(event)
}

function look(): void {
  if (!usedSinceLook) {
    for (const thread of spare) void thread.terminate()
    spare.clear()
    stopWatch?.()
    stopWatch = null
  }
  usedSinceLook = false
}
