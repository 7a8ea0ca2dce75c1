// The private folder of a scratch server, and the unprivileged user that owns it when we are root.
// PostgreSQL refuses to run as root; its files are nobody else's to read.
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Failure } from '../domain/errors.js'
import { runChild } from '../sys/child.js'
import { ownedPrefix } from '../sys/owner.js'

export interface Owner {
  uid?: number
  gid?: number
}

/** Scratch folders are called `gmah-scratch-…`. */
export const SCRATCH = 'gmah-scratch'

const USERS = ['postgres', 'nobody']
/** sockaddr_un holds 108 bytes; PostgreSQL's lock file beside the socket takes five more. */
const SOCKET_PATH_BYTES = 100

/** Who the server runs as: ourselves, unless we are root. @throws Failure child-failed when no such user exists. */
export async function unprivileged(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {}
  let last: unknown
  for (const user of USERS) {
    try {
      return { uid: await idOf(user, '-u'), gid: await idOf(user, '-g') }
    } catch (error) {
      last = error
    }
  }
  throw last
}

/** A new folder, mode 0700, named after our process. @throws Failure config-invalid when a socket in it would have too long a path. */
export async function makeFolder(parent: string, owner: Owner): Promise<string> {
  const folder = await mkdtemp(join(resolve(parent), ownedPrefix(SCRATCH)))
  if (Buffer.byteLength(join(folder, '.s.PGSQL.5432')) > SOCKET_PATH_BYTES) {
    await rm(folder, { recursive: true })
    throw new Failure('config-invalid', `${parent} is too long a path for a socket`, {
      hint: `set drills.scratch_directory to a folder of less than ${SOCKET_PATH_BYTES - 60} characters`,
    })
  }
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(folder, owner.uid, owner.gid)
  return folder
}

async function idOf(user: string, what: '-u' | '-g'): Promise<number> {
  return Number(await runChild('id', { args: [what, user], env: { PATH: '/usr/bin:/bin' } }))
}
