// The roles of a globals backup, held against those of the server: missing ones are created, no other is touched or dropped.
import type { Manifest } from '../domain/manifest.js'
import { GLOBALS } from '../domain/subject.js'
import { type Session, withSession } from '../postgres/connection.js'
import { explainGlobalsEnd, parseGlobals, type Role, startGlobalsDump } from '../postgres/globals.js'
import { createRoles } from '../postgres/roles.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { findTool, majorOf } from '../postgres/tools.js'
import { readText } from '../repository/read-stream.js'
import { chooseBackup, type PassedOver } from './choose-backup.js'
import type { JobContext, Parts } from './parts.js'
import { type Begin, tellRestore } from './tell-restore.js'

export interface GlobalsReport {
  manifest: Manifest
  passedOver: PassedOver[]
  /** Created; with `dryRun`, those that would be. */
  missing: string[]
  /** There, but with other attributes, settings, memberships or another password: left as they are. */
  different: string[]
  /** On the server, not in the backup: left as they are. */
  onlyHere: string[]
  /** How many are as in the backup. */
  equal: number
}

/**
 * @param request.dryRun only compares.
 * @throws Failure backup-unknown, postgres-*, dump-failed; then nothing was created: roles come all or none.
 */
export function restoreGlobals(
  parts: Parts,
  request: { backup: string; dryRun: boolean },
  context: Pick<JobContext, 'signal' | 'emit'>,
): Promise<GlobalsReport> {
  const work = (begin: Begin) => compareAndCreate(parts, request, context, begin)
  return request.dryRun ? work(() => {}) : tellRestore(parts, context, 'roles', work)
}

async function compareAndCreate(
  parts: Parts,
  request: { backup: string; dryRun: boolean },
  { signal }: Pick<JobContext, 'signal'>,
  begin: Begin,
): Promise<GlobalsReport> {
  const { postgres } = parts.config
  const chosen = await chooseBackup(parts.repository, GLOBALS, request.backup, { signal })
  const { key, manifest, passedOver } = chosen
  begin(manifest)
  const script = await readText(parts.repository, key, manifest, { signal })
  return withSession(postgres, maintenanceDatabase(postgres), { signal }, async session => {
    const found = compareRoles(parseGlobals(script), parseGlobals(await globalsNow(parts, session, signal)))
    if (!request.dryRun) await createRoles(session, script, found.missing)
    return { manifest, passedOver, ...found }
  })
}

type Roles = ReadonlyMap<string, Role>

/** Pure. Names only: what differs may be a password. */
function compareRoles(
  backup: Roles,
  now: Roles,
): Pick<GlobalsReport, 'missing' | 'different' | 'onlyHere' | 'equal'> {
  const names = [...backup.keys()].sort()
  const there = names.filter(name => now.has(name))
  const different = there.filter(name => textOf(backup.get(name)) !== textOf(now.get(name)))
  return {
    missing: names.filter(name => !now.has(name)),
    different,
    onlyHere: [...now.keys()].filter(name => !backup.has(name)).sort(),
    equal: there.length - different.length,
  }
}

const textOf = (role: Role | undefined): string =>
  [...(role?.statements ?? []), ...(role?.memberships ?? []).map(one => one.statement)].sort().join('\n')

async function globalsNow(parts: Parts, session: Session, signal: AbortSignal): Promise<string> {
  const { postgres, dump } = parts.config
  const tool = await findTool('pg_dumpall', majorOf(session.server.versionNum), {
    directory: postgres.toolsDirectory,
  })
  const { child } = await startGlobalsDump({ target: postgres, tool, politeness: dump, signal })
  const said: Buffer[] = []
  for await (const part of child.stdout) said.push(part)
  const end = await child.result
  signal.throwIfAborted()
  if (end.exitCode !== 0) throw explainGlobalsEnd(end)
  return Buffer.concat(said).toString('utf8')
}
