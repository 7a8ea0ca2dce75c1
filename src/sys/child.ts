// The only door to child processes: every child is polite (nice, ionice), bounded, and ends when the signal says so.
import type { Socket } from 'node:net'
import { Readable, type Writable } from 'node:stream'
import { execa } from 'execa'
import { Failure } from '../domain/errors.js'

export interface ChildOptions {
  args: readonly string[]
  /** The whole environment of the child; nothing of ours leaks in. */
  env: Record<string, string>
  signal?: AbortSignal
  /** What precedes the command: nice, ionice, stdbuf. */
  wrapper?: readonly string[]
  /** User and group the child runs as (root only). */
  uid?: number
  gid?: number
  cwd?: string
  /** Where its stdout goes instead of to us. Our end of it is closed as soon as the child has its own, whatever becomes of the child. */
  output?: Socket
}

export interface ChildResult {
  /** Null when a signal ended it. */
  exitCode: number | null
  /** The signal's name, null when it exited by itself. */
  endedBy: string | null
  /** The last 16 KiB of what it said on stderr. */
  stderr: string
}

export interface Child {
  pid: number | undefined
  stdin: Writable
  /** Empty when it goes elsewhere. */
  stdout: Readable
  /** Resolves once the child is gone and its pipes are closed; never rejects but for a command that can't start. */
  result: Promise<ChildResult>
  kill(signal?: NodeJS.Signals): void
}

const STDERR_KEPT = 16 * 1024
/** A child that ignores SIGTERM is killed after this long. */
const KILL_AFTER_MS = 5_000

/** Those that go when we leave by ourselves. A signal to us is for our own handlers to deal with, see `cleanup` below. */
const running = new Set<{ kill(): unknown }>()
process.on('exit', () => {
  for (const child of running) child.kill()
})

/**
 * Starts a child with all three pipes. The caller reads stdout to its end and awaits `result`. It must begin at once, in the
 * same turn of the event loop, if only by listening to `readable`: what nobody wants by then flows away.
 * @throws (from `result`) Failure tool-missing when the command does not exist.
 */
export function startChild(command: string, options: ChildOptions): Child {
  const [file = command, ...args] = [...(options.wrapper ?? []), command, ...options.args]
  const child = execa(file, args, {
    env: options.env,
    extendEnv: false,
    buffer: false,
    reject: false,
    stdin: 'pipe',
    stdout: options.output ?? 'pipe',
    stderr: 'pipe',
    encoding: 'buffer',
    forceKillAfterDelay: KILL_AFTER_MS,
    // Its way to do so takes a signal that we handle once for one that nobody handles, and ends us in the middle of it.
    cleanup: false,
    ...(options.signal ? { cancelSignal: options.signal } : {}),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  options.output?.destroy()
  running.add(child)
  const gone = () => void running.delete(child)
  child.once('exit', gone).once('error', gone)
  const stderr = lastBytes(child.stderr)
  // A child that dies before reading its stdin raises EPIPE here; its exit code tells the story instead.
  child.stdin.on('error', () => {})
  return {
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout ?? Readable.from([]),
    kill: signal => void child.kill(signal),
    result: child.then(result => {
      if (result.code === 'ENOENT') {
        throw new Failure('tool-missing', `cannot start ${file}: there is no such command`, {
          cause: result.cause,
        })
      }
      return { exitCode: result.exitCode ?? null, endedBy: result.signal ?? null, stderr: stderr() }
    }),
  }
}

/**
 * Runs a command that says little, to its end. @returns stdout as text.
 * @throws Failure child-failed with the last words of stderr as the cause when it exits non-zero.
 */
export async function runChild(command: string, options: ChildOptions & { input?: string }): Promise<string> {
  const child = startChild(command, options)
  child.stdin.end(options.input ?? '')
  const parts: Buffer[] = []
  child.stdout.on('data', part => parts.push(part))
  const result = await child.result
  options.signal?.throwIfAborted()
  if (result.exitCode !== 0) {
    throw new Failure('child-failed', `${command} ended with ${describeEnd(result)}`, {
      cause: new Error(result.stderr.trim() || 'it said nothing'),
    })
  }
  return Buffer.concat(parts).toString('utf8')
}

/** "exit code 1" or "signal SIGKILL", for messages. */
export function describeEnd(result: ChildResult): string {
  return result.endedBy === null ? `exit code ${result.exitCode}` : `signal ${result.endedBy}`
}

function lastBytes(stream: Readable): () => string {
  let kept = Buffer.alloc(0)
  stream.on('data', (part: Buffer) => {
    kept = Buffer.concat([kept, part])
    if (kept.length > STDERR_KEPT) kept = kept.subarray(kept.length - STDERR_KEPT)
  })
  return () => kept.toString('utf8')
}
