// A duct: bytes from a child process straight into a thread of ours, past the event loop. Handing each piece on from there
// costs as much as all else that is done with it. Node makes no pipes, so it is a Unix socket in a folder that only we can enter.
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { Failure } from '../domain/errors.js'
import { makeSocketFolder, sweepSocketFolders } from './socket-folder.js'

const DUCT = 'gmah-duct'
const SOCKET = 'in'

/**
 * Lays a duct to a thread that has loaded. What is written into the socket is what the thread reads; nothing is read of it
 * here, so a child may have it as its stdout.
 * @param tell hands the thread the path that it is to connect to, at once.
 * @throws Failure unexpected when the thread ends instead; config-invalid when there is no folder for a socket.
 */
export async function layDuct(thread: Worker, tell: (path: string) => void): Promise<Socket> {
  const ended = new AbortController()
  const end = (why: unknown) => ended.abort(why)
  // An error that nobody listens to would end the process.
  thread.on('error', end).on('exit', end)
  try {
    const socket = await connection(tell, ended.signal)
    if (!ended.signal.aborted) return socket
    socket.destroy()
    throw ended.signal.reason
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    throw new Failure('unexpected', 'no stream could be led into a thread', { cause })
  } finally {
    thread.off('error', end).off('exit', end)
  }
}

async function connection(tell: (path: string) => void, signal: AbortSignal): Promise<Socket> {
  const folder = await makeSocketFolder(DUCT, SOCKET)
  const server = createServer({ pauseOnConnect: true })
  try {
    const path = join(folder, SOCKET)
    server.listen(path)
    await once(server, 'listening')
    const connected = once(server, 'connection', { signal })
    tell(path)
    const [socket] = (await connected) as [Socket]
    return socket
  } finally {
    server.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Removes what processes left that were killed before a thread had connected. @returns how many there were. */
export const sweepDucts = (): Promise<number> => sweepSocketFolders(DUCT)
