// Folders for Unix sockets that only we can enter. An address holds 108 bytes, and Node cuts a longer one without a word:
// the socket then stands somewhere else, where others may enter, and two of them may get one name.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../domain/errors.js'
import { ownedPrefix, sweepLeftovers } from './owner.js'

/** sun_path of sockaddr_un, its final zero included (unix(7)). */
const SOCKET_PATH_BYTES = 108
/** What mkdtemp puts in the place of its six X. */
const RANDOM = 'XXXXXX'

export const fitsSocket = (path: string): boolean => Buffer.byteLength(path) < SOCKET_PATH_BYTES

/** The machine's temporary folder, and the short one for where that is too long a path. */
const parents = (): string[] => [...new Set([tmpdir(), '/tmp'])]

/**
 * A new folder, mode 0700, named after our process, in which a socket of this name fits.
 * @throws Failure config-invalid when there is no place short enough.
 */
export async function makeSocketFolder(stem: string, socket: string): Promise<string> {
  const prefix = ownedPrefix(stem)
  const parent = parents().find(one => fitsSocket(join(one, prefix + RANDOM, socket))) ?? '/tmp'
  return mkdtemp(join(parent, prefix)).catch(cause => {
    throw new Failure('config-invalid', `no folder for a socket can be made in ${parent}`, {
      cause,
      hint: 'set TMPDIR to a folder of less than 60 characters that this user may write to',
    })
  })
}

/** Removes those whose process is gone. @returns how many there were. */
export async function sweepSocketFolders(stem: string): Promise<number> {
  const swept = await Promise.all(parents().map(one => sweepLeftovers(one, stem)))
  return swept.reduce((sum, one) => sum + one, 0)
}
