// A proxy in front of a cluster that loses an answer: it passes a statement on, and cuts the client off when the reply comes.
import { createServer, connect as dial, type Socket } from 'node:net'
import { join } from 'node:path'
import type { PostgresTarget } from '../../src/postgres/target.js'
import { temporaryFolder } from './cluster.js'

/** Once the server has run it, or instead; `late`: the server gets it when `deliver` is called. */
export type Cut = 'afterwards' | 'instead' | 'late'

export interface CutOptions {
  /** Only of those who are connected to it. */
  database?: string
  /** What else happens in that instant. */
  meanwhile?(): void
}

export interface PostgresProxy {
  target: PostgresTarget
  /** From now on whoever sends a statement like this is cut off. */
  cut(statement: RegExp, when: Cut, options?: CutOptions): void
  /** Gives the server what came too late, as the last that it hears from there. */
  deliver(): void
  stop(): Promise<void>
}

export async function startPostgresProxy(behind: PostgresTarget): Promise<PostgresProxy> {
  const { path: folder, remove } = await temporaryFolder()
  const file = (host: string) => join(host, `.s.PGSQL.${behind.port}`)
  const plan: { statement: RegExp | null; when: Cut } & CutOptions = { statement: null, when: 'instead' }
  const open = new Set<Socket>()
  const late: (() => void)[] = []
  const server = createServer(client => {
    const upstream = dial(file(behind.host))
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => open.delete(socket))
    }
    let cut = false
    let database: string | undefined
    const cutOff = () => {
      if (!client.destroyed) plan.meanwhile?.()
      client.destroy()
    }
    client.on('data', part => {
      const text = part.toString('latin1')
      database ??= /\0database\0([^\0]*)\0/.exec(text)?.[1]
      cut ||= plan.statement?.test(text) === true && [undefined, database].includes(plan.database)
      if (!cut || plan.when === 'afterwards') return void upstream.write(part)
      if (plan.when === 'late') late.push(() => upstream.end(part))
      cutOff()
    })
    // The server is not told: it goes on with what it was given.
    client.on('close', () => cut || upstream.end())
    // That it replies says that it has done what it was asked.
    upstream.on('data', part => void (cut ? cutOff() : client.write(part)))
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>(resolve => server.listen(file(folder), resolve))
  return {
    target: { ...behind, host: folder },
    cut: (statement, when, { database, meanwhile } = {}) =>
      void Object.assign(plan, { statement, when, database, meanwhile }),
    deliver: () => {
      for (const one of late.splice(0)) one()
    },
    stop: async () => {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
      await remove()
    },
  }
}
