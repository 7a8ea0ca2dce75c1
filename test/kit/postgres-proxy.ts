// A proxy in front of a cluster that loses an answer: it passes a statement on, and cuts the client off when the reply comes.
import { createServer, connect as dial, type Socket } from 'node:net'
import { join } from 'node:path'
import type { PostgresTarget } from '../../src/postgres/target.js'
import { temporaryFolder } from './cluster.js'

export interface PostgresProxy {
  target: PostgresTarget
  /** From now on whoever sends a statement like this is cut off: once the server has run it, or instead. */
  cut(statement: RegExp, when: 'afterwards' | 'instead'): void
  stop(): Promise<void>
}

export async function startPostgresProxy(behind: PostgresTarget): Promise<PostgresProxy> {
  const { path: folder, remove } = await temporaryFolder()
  const file = (host: string) => join(host, `.s.PGSQL.${behind.port}`)
  const plan: { statement: RegExp | null; when: 'afterwards' | 'instead' } = {
    statement: null,
    when: 'instead',
  }
  const open = new Set<Socket>()
  const server = createServer(client => {
    const upstream = dial(file(behind.host))
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => open.delete(socket))
    }
    let cut = false
    client.on('data', part => {
      cut ||= plan.statement?.test(part.toString('latin1')) === true
      if (cut && plan.when === 'instead') return void client.destroy()
      upstream.write(part)
    })
    // The server is not told: it goes on with what it was given.
    client.on('close', () => cut || upstream.end())
    // That it replies says that it has done what it was asked.
    upstream.on('data', part => void (cut ? client.destroy() : client.write(part)))
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>(resolve => server.listen(file(folder), resolve))
  return {
    target: { ...behind, host: folder },
    cut: (statement, when) => void Object.assign(plan, { statement, when }),
    stop: async () => {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
      await remove()
    },
  }
}
