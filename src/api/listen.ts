// Opens the daemon's two doors with the same routes behind them: a port for tokens, and a socket for this machine's own command line.
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import type { ApiConfig, DaemonConfig } from '../domain/configuration.js'
import { readSecretFile } from '../sys/secret-file.js'
import { fitsSocket } from '../sys/socket-folder.js'
import { createServer, type ServerParts } from './server.js'
import { socketPath } from './socket.js'
import { addV1 } from './v1.js'
import type { Works } from './works.js'

export interface Doors {
  /** As people type it: http://127.0.0.1:9178. */
  address: string
  /** Ends open connections too. */
  close(): Promise<void>
}

/** @throws Failure config-invalid, secret-exposed for TLS files; what the system says of the address. */
export async function openDoors(
  parts: ServerParts,
  works: Works,
  { daemon, api, stateDirectory }: { daemon: DaemonConfig; api: ApiConfig; stateDirectory: string },
): Promise<Doors> {
  const { tls } = daemon
  const pem = tls && {
    certificate: readFileSync(tls.certificateFile, 'utf8'),
    key: readSecretFile(tls.keyFile),
  }
  const port = createServer(parts, { behindProxy: daemon.behindProxy, tls: pem })
  addV1(port, works, { kind: 'port', requestsPerMinute: api.requestsPerMinute })
  const socket = createServer(parts)
  addV1(socket, works, { kind: 'socket', user: userInfo().username })
  const address = await port.listen({ host: daemon.host, port: daemon.port })
  const path = socketPath(stateDirectory)
  // Without it the command line works by itself, as it does without a daemon.
  if (fitsSocket(path)) await listenOnSocket(socket, path)
  else
    parts.log.warn(
      { path },
      'the state directory is too long a path for a socket; the command line works by itself',
    )
  return {
    address,
    close: async () => {
      await Promise.all([port.close(), socket.close()])
      rmSync(path, { force: true })
    },
  }
}

/** The folder is closed to others before the socket is there: its own mode is set only after. */
async function listenOnSocket(server: ReturnType<typeof createServer>, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  chmodSync(dirname(path), 0o700)
  // One daemon a store, and a store a state directory: what is there is a dead one's.
  rmSync(path, { force: true })
  await server.listen({ path })
  chmodSync(path, 0o600)
}
