// The proof of a globals backup, which is a script: read to its end and, on a scratch of our own, every role made from it.
import { asFailure, causes } from '../domain/errors.js'
import type { ProofFindings } from '../domain/records.js'
import { withSession } from '../postgres/connection.js'
import { parseGlobals } from '../postgres/globals.js'
import { createRoles, missingRoles } from '../postgres/roles.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { readText } from '../repository/read-stream.js'
import type { OpenedBackup } from './open-backup.js'
import type { JobContext, Parts } from './parts.js'
import type { Bench } from './scratch-bench.js'

/** Rows are roles. On a named server no role is made that no tenant needs: the script is read, and that is all. */
export async function proveGlobals(
  parts: Parts,
  { manifest, key }: OpenedBackup,
  { scratch, inTurn }: Bench,
  { signal }: JobContext,
): Promise<ProofFindings> {
  const started = parts.clock.ticks()
  const script = await readText(parts.repository, key, manifest, { signal })
  const names = [...parseGlobals(script).keys()]
  const differences: string[] = []
  const notes: string[] = []
  if (names.length === 0) differences.push('roles: the script makes none')
  if (scratch.own) {
    const server = await scratch.server(0)
    const left = await withSession(server, maintenanceDatabase(server), { signal }, session =>
      inTurn(async () => {
        await createRoles(session, script, names).catch(thrown => {
          const failure = asFailure(thrown)
          if (!['postgres-failed', 'roles-missing'].includes(failure.code)) throw thrown
          differences.push(`roles: ${causes(failure).join('; because: ')}`)
        })
        return missingRoles(session, names)
      }),
    )
    differences.push(...left.map(name => `role ${name}: in the backup, not restored`))
  } else {
    notes.push('the scratch is a server that others use: the roles were read, not made')
  }
  const loadSeconds = (parts.clock.ticks() - started) / 1000
  return { loadSeconds, tables: 0, rows: names.length, differences, notes }
}
