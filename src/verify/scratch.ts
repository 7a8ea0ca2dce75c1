// Where drills load: scratch servers of our own, one for each major version, or a named server that has room for scratch
// databases. Whatever it is, it is gone after `close`, and what a crash leaves the next start removes.
import { mkdir } from 'node:fs/promises'
import type { DumpConfig, PostgresConfig, ScratchServerConfig } from '../domain/configuration.js'
import { Failure } from '../domain/errors.js'
import type { Clock } from '../sys/clock.js'
import { roomIn } from './scratch-disk.js'
import { type ScratchServer, startScratchServer } from './scratch-server.js'

export interface Scratch {
  /** A server for backups of this major or an older one. @throws Failure tool-missing, child-failed, deadline-passed */
  server(major: number): Promise<PostgresConfig>
  /** Bytes that loads may take; null: another machine's disk, which nobody can ask. */
  freeBytes(): Promise<number | null>
  /** For messages. */
  readonly place: string
  /** True when nothing else lives on the server: roles may be made as they come. */
  readonly own: boolean
  close(): Promise<void>
}

export interface ScratchOptions {
  directory: string
  postgres: PostgresConfig
  politeness: Pick<DumpConfig, 'nice' | 'ionice'>
  clock: Clock
  signal: AbortSignal
}

/** Servers start when they are first asked for; one that died is started anew for the next who asks. */
export function ownScratch({ directory, postgres, politeness, clock, signal }: ScratchOptions): Scratch {
  const servers = new Map<number, Promise<ScratchServer>>()
  /** Every one there was: an abort has ended them, but their folders may not be gone yet. */
  const started = new Set<ScratchServer>()
  const start = async (major: number): Promise<ScratchServer> => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const { toolsDirectory } = postgres
    const options = { parent: directory, clock, signal, toolsDirectory, atLeastMajor: major, politeness }
    const server = await startScratchServer(options).catch(thrown => {
      throw explain(thrown)
    })
    started.add(server)
    void server.ended.finally(() => servers.delete(major)).catch(() => {})
    return server
  }
  return {
    own: true,
    place: directory,
    server: async major => {
      let starting = servers.get(major)
      if (!starting) {
        starting = start(major)
        servers.set(major, starting)
        starting.catch(() => servers.delete(major))
      }
      const { host, port, user } = await starting
      return {
        ...postgres,
        host,
        port,
        user,
        password: null,
        sslMode: 'disable',
        sslRootCertificateFile: null,
      }
    },
    freeBytes: async () => {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      return roomIn(directory)
    },
    close: async () => {
      await Promise.allSettled(servers.values())
      for (const server of started) await server.stop()
    },
  }
}

/** Scratch databases on a server that is there anyway. */
export function namedScratch(server: ScratchServerConfig, postgres: PostgresConfig): Scratch {
  return {
    own: false,
    place: `${server.host}:${server.port}`,
    server: async () => ({ ...postgres, ...server }),
    freeBytes: async () => null,
    close: async () => {},
  }
}

/** Without server programs there is another way; nobody would guess it from "there is no initdb". */
function explain(thrown: unknown): unknown {
  if (!(thrown instanceof Failure) || !['tool-missing', 'tool-too-old'].includes(thrown.code)) return thrown
  return new Failure(thrown.code, `no scratch server can be started here: ${thrown.message}`, {
    cause: thrown,
    hint: `${thrown.hint}; or name a server for scratch databases under drills.scratch_server`,
  })
}
