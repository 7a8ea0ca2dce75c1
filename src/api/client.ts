// The command line's side of the socket: is a daemon of this version there, start something, follow it to its end.
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { ERRORS, type ErrorCode, Failure } from '../domain/errors.js'
import type { StoredEvent } from '../domain/events.js'
import { parseRunId, type RunId } from '../domain/ids.js'
import type { LiveEvent } from '../domain/live-events.js'
import { socketPath } from './socket.js'

export interface DaemonClient {
  /** Starts a run, or tells one to end. @throws Failure what the daemon answered. */
  start(path: string, body: object, signal?: AbortSignal): Promise<RunId>
  /** The text of an answer that changes nothing. @throws Failure what the daemon answered. */
  ask(path: string, body: object): Promise<string>
  /** Calls back for each event of the run, from its beginning; resolves when the run is over or the daemon is gone. */
  follow(run: RunId, heard: (event: StoredEvent | LiveEvent) => void, signal: AbortSignal): Promise<void>
}

/** It answers at once, or is not there for us. */
const LOOK_MS = 5_000

/** Null when no daemon of this very version answers on the state directory's socket, or we may not ask it. */
export async function findDaemon(
  stateDirectory: string,
  { version, who }: { version: string; who: string },
): Promise<DaemonClient | null> {
  const door = { socketPath: socketPath(stateDirectory), headers: { 'x-operator': who } }
  try {
    const answer = await ask(door, 'GET', '/healthz', null, AbortSignal.timeout(LOOK_MS))
    if ((JSON.parse(await textOf(answer)) as { version?: string }).version !== version) return null
  } catch {
    // Not there, another user's, or stuck: the command works alone, under the same leases.
    return null
  }
  return {
    start: async (path, body, signal) =>
      parseRunId(JSON.parse(await answered(ask(door, 'POST', path, body, signal))).id),
    ask: (path, body) => answered(ask(door, 'POST', path, body)),
    follow: async (run, heard, signal) => {
      try {
        const answer = await ask(door, 'GET', `/v1/runs/${run}/events`, null, signal)
        if (answer.statusCode !== 200) throw failureFrom(JSON.parse(await textOf(answer)))
        for await (const line of createInterface({ input: answer }))
          if (line.startsWith('data: ')) hear(JSON.parse(line.slice('data: '.length)), heard)
      } catch (thrown) {
        signal.throwIfAborted()
        // What became of the run is in the journal.
        if (!isGone(thrown)) throw thrown
      }
    },
  }
}

/** @throws Failure what the daemon answered; interrupted when it ended meanwhile. */
async function answered(asking: Promise<IncomingMessage>): Promise<string> {
  try {
    const answer = await asking
    const text = await textOf(answer)
    if ((answer.statusCode ?? 500) >= 400) throw failureFrom(JSON.parse(text))
    return text
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown
    throw new Failure('interrupted', 'the daemon ended while it was asked', { cause: thrown })
  }
}

/** The daemon ended under our connection. */
const isGone = (thrown: unknown): boolean =>
  ['ECONNRESET', 'ECONNREFUSED', 'ENOENT', 'EPIPE'].includes((thrown as NodeJS.ErrnoException).code ?? '')

interface Door {
  socketPath: string
  headers: Record<string, string>
}

function ask(
  { socketPath: path, headers }: Door,
  method: string,
  url: string,
  body: object | null,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const type = body === null ? {} : { 'content-type': 'application/json' }
    const options = { socketPath: path, method, path: url, headers: { ...headers, ...type }, signal }
    const asking: ClientRequest = request(options, resolve)
    asking.on('error', reject)
    asking.end(body === null ? undefined : JSON.stringify(body))
  })
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

const hear = (data: { type?: string }, heard: (event: StoredEvent | LiveEvent) => void): void => {
  if (typeof data.type === 'string') heard(data as StoredEvent | LiveEvent)
}

function failureFrom({ code, detail, hint }: { code?: string; detail?: string; hint?: string }): Failure {
  const known = code !== undefined && code in ERRORS ? (code as ErrorCode) : 'unexpected'
  return new Failure(known, detail ?? 'the daemon refused', hint === undefined ? {} : { hint })
}
