// Secrets come from files that nobody else can read; one that others can read counts as given away.
import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { Failure } from '../domain/errors.js'

const MAX_BYTES = 64 * 1024

/**
 * The file's text without its last line break. The permissions checked are those of the file that is read (same descriptor).
 * @throws Failure secret-exposed unless the mode is 0600 or 0400 and the owner is us or root; config-invalid when it can't be read, is empty or too long.
 */
export function readSecretFile(path: string): string {
  const descriptor = openSecret(path)
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile())
      throw new Failure('config-invalid', `${path} is not a file`, { hint: 'name a plain file' })
    checkPrivate(path, stats)
    if (stats.size > MAX_BYTES) throw new Failure('config-invalid', `${path} is too long for a secret`)
    const text = readFileSync(descriptor, 'utf8').replace(/\r?\n$/, '')
    if (text === '')
      throw new Failure('config-invalid', `${path} is empty`, { hint: 'write the secret into it' })
    return text
  } finally {
    closeSync(descriptor)
  }
}

/** @throws Failure secret-exposed unless only its owner can read the file, and the owner is us or root. */
export function checkPrivate(path: string, stats: Pick<Stats, 'mode' | 'uid'>): void {
  const mode = stats.mode & 0o777
  if ((mode & ~0o600) !== 0) {
    throw new Failure(
      'secret-exposed',
      `${path} has mode ${mode.toString(8).padStart(4, '0')}, 0600 or 0400 is demanded`,
      {
        hint: `chmod 600 ${path}, and renew the secret if others could have read it`,
      },
    )
  }
  const us = process.geteuid?.()
  if (us !== undefined && stats.uid !== us && stats.uid !== 0) {
    throw new Failure('secret-exposed', `${path} belongs to user ${stats.uid}, not to user ${us} or root`, {
      hint: `chown ${us} ${path}`,
    })
  }
}

function openSecret(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`
    throw new Failure('config-invalid', `${path}: ${why}`, { cause, hint: 'create it, mode 0600' })
  }
}
