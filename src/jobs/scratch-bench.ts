// What test restores are done on: a scratch, the roles of the newest globals backup, and names that a crash cannot hide.
import { asFailure } from '../domain/errors.js'
import type { RunId } from '../domain/ids.js'
import { GLOBALS } from '../domain/subject.js'
import { withSession } from '../postgres/connection.js'
import { dropDatabase } from '../postgres/databases.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { readText } from '../repository/read-stream.js'
import { namedScratch, ownScratch, type Scratch } from '../verify/scratch.js'
import { sweepScratchServers } from '../verify/scratch-sweep.js'
import { openBackup } from './open-backup.js'
import type { JobContext, Parts } from './parts.js'

export interface Bench {
  scratch: Scratch
  /** The script of the newest globals backup; null when there is none that can be read. */
  globals(): Promise<string | null>
  /** The next scratch database's name. */
  nextName(): string
  /** One after the other: roles belong to a server as a whole, and two loads may miss the same one. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
}

/** Gives the work a bench and takes it down whatever happens. Nothing is started until it is asked for. */
export async function withBench<T>(
  parts: Parts,
  context: JobContext,
  work: (bench: Bench) => Promise<T>,
): Promise<T> {
  const { drills, postgres, dump } = parts.config
  await sweepScratchServers(drills.scratchDirectory, parts.clock)
  const scratch = drills.scratchServer
    ? namedScratch(drills.scratchServer, postgres)
    : ownScratch({
        directory: drills.scratchDirectory,
        postgres,
        politeness: dump,
        clock: parts.clock,
        signal: context.signal,
      })
  let script: Promise<string | null> | undefined
  let names = 0
  let turn: Promise<unknown> = Promise.resolve()
  try {
    return await work({
      scratch,
      globals: () => (script ??= readGlobals(parts, context)),
      nextName: () => `${scratchName(context.run)}_${names++}`,
      inTurn: own => {
        const mine = turn.then(own, own)
        turn = mine.catch(() => {})
        return mine
      },
    })
  } finally {
    await scratch.close()
  }
}

/** The platform's own proof tells of a globals backup that is damaged; a tenant's data is proven all the same. */
async function readGlobals(parts: Parts, { signal }: JobContext): Promise<string | null> {
  try {
    const { manifest, key } = await openBackup(parts.repository, GLOBALS, 'latest')
    return await readText(parts.repository, key, manifest, { signal })
  } catch (thrown) {
    const { code } = asFailure(thrown)
    if (['backup-unknown', 'object-missing', 'object-corrupt', 'manifest-invalid'].includes(code)) return null
    throw thrown
  }
}

const scratchName = (run: RunId): string => `drilling_${run}`

/**
 * Removes what drills that died left: scratch servers on this machine, scratch databases on the named server.
 * @param isOver tells of a run whether the journal knows it as ended.
 * @returns folders and databases that are gone.
 */
export async function sweepDrills(parts: Parts, isOver: (run: RunId) => boolean): Promise<string[]> {
  const { scratchDirectory, scratchServer } = parts.config.drills
  const folders = await sweepScratchServers(scratchDirectory, parts.clock)
  if (!scratchServer) return folders
  return withSession(scratchServer, maintenanceDatabase(scratchServer), {}, async session => {
    const rows = await session.query<{ name: string }>(
      "SELECT datname::text AS name FROM pg_catalog.pg_database WHERE datname ~ '^drilling_[0-9a-f]{12}_[0-9]+$'",
    )
    const strays = rows.map(row => row.name).filter(name => isOver(name.split('_')[1] as RunId))
    for (const name of strays) await dropDatabase(session, name, { force: true })
    return [...folders, ...strays]
  })
}
