// A few worker threads that each do one task at a time. Every task given is answered or rejected:
// when its thread dies, or cannot even start, and never by nobody.
import type { Worker } from 'node:worker_threads'
import { Failure } from '../domain/errors.js'
import { type Clock, systemClock } from './clock.js'
import { startThread } from './threads.js'

export interface ThreadPool<Task, Answer> {
  /** @param transfer buffers that are handed over: they are empty here afterwards. */
  run(task: Task, transfer: ArrayBuffer[]): Promise<Answer>
  /** Ends the threads once every task given before has ended; those given later are refused. */
  close(): Promise<void>
}

interface Job<Task, Answer> {
  task: Task
  transfer: ArrayBuffer[]
  resolve(answer: Answer): void
  reject(reason: unknown): void
}

const IDLE_MS = 60_000

/**
 * Starts no thread until there is work, at most `threads`; all end when there was none for a minute. Idle ones keep no process alive.
 * @param file a built module that answers each message on its parentPort with exactly one.
 */
export function createThreadPool<Task, Answer>(
  file: URL,
  options: { threads: number; clock?: Clock },
): ThreadPool<Task, Answer> {
  const pool = new Pool<Task, Answer>(file, options.threads, options.clock ?? systemClock)
  return {
    run: (task, transfer) => new Promise((resolve, reject) => pool.take({ task, transfer, resolve, reject })),
    close: () => pool.close(),
  }
}

class Pool<Task, Answer> {
  readonly #file: URL
  readonly #threads: number
  readonly #idle = new Set<Worker>()
  readonly #busy = new Map<Worker, Job<Task, Answer>>()
  readonly #waiting: Job<Task, Answer>[] = []
  readonly #stopWatch: () => void
  #usedSinceLook = false
  #closed = false
  #emptied: (() => void) | null = null

  constructor(file: URL, threads: number, clock: Clock) {
    this.#file = file
    this.#threads = threads
    this.#stopWatch = clock.every(IDLE_MS, () => this.#look())
  }

  take(job: Job<Task, Answer>): void {
    if (this.#closed) job.reject(new Failure('interrupted', 'the threads have ended'))
    else {
      this.#waiting.push(job)
      this.#handOut()
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#stopWatch()
    if (this.#busy.size > 0) {
      await new Promise<void>(resolve => {
        this.#emptied = resolve
      })
    }
    await Promise.all([...this.#idle].map(thread => thread.terminate()))
  }

  #handOut(): void {
    this.#usedSinceLook = true
    while (this.#waiting.length > 0) {
      const thread = this.#free()
      const job = thread && this.#waiting.shift()
      if (!job) break
      this.#give(thread, job)
    }
    if (this.#busy.size === 0) this.#emptied?.()
  }

  #free(): Worker | null {
    const [idle] = this.#idle
    if (idle) return idle
    return this.#busy.size < this.#threads ? this.#start() : null
  }

  #give(thread: Worker, job: Job<Task, Answer>): void {
    try {
      thread.postMessage(job.task, job.transfer)
    } catch (thrown) {
      job.reject(thrown)
      return
    }
    thread.ref()
    this.#idle.delete(thread)
    this.#busy.set(thread, job)
  }

  #start(): Worker {
    const thread = startThread(this.#file, null)
    thread.unref()
    this.#idle.add(thread)
    thread.on('message', (answer: Answer) => {
      const job = this.#busy.get(thread)
      this.#busy.delete(thread)
      this.#idle.add(thread)
      thread.unref()
      job?.resolve(answer)
      this.#handOut()
    })
    thread.on('error', reason => this.#lose(thread, reason))
    thread.on('exit', () => this.#lose(thread, undefined))
    return thread
  }

  #lose(thread: Worker, cause: unknown): void {
    const job = this.#busy.get(thread)
    this.#busy.delete(thread)
    this.#idle.delete(thread)
    job?.reject(new Failure('unexpected', 'a thread ended in the middle of its task', { cause }))
    this.#handOut()
  }

  #look(): void {
    if (this.#busy.size === 0 && !this.#usedSinceLook) {
      for (const thread of this.#idle) void thread.terminate()
      this.#idle.clear()
    }
    this.#usedSinceLook = false
  }
}
