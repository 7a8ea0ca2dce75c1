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
  checkOwner(path, stats.uid, process.geteuid?.() ?? stats.uid)
}

/** Whose file it is, and who asks: root, in the daemon's place, would leave files in its state directory that shut it out. */
export function checkOwner(path: string, owner: number, us: number): void {
  if (owner === us || owner === 0) return
  const name = userName(owner)
  const whose = `${path} belongs to user ${name ?? owner}`
  if (us === 0) {
    const hint = `type it as the daemon's user: \`sudo -u ${name ?? `'#${owner}'`} gmah-backup …\``
    throw new Failure('secret-exposed', `${whose}, and you are root`, { hint })
  }
  throw new Failure('secret-exposed', `${whose}, not to user ${userName(us) ?? us} or root`, {
    hint: `chown ${us} ${path}`,
  })
}

/** As this machine's own list has it; null when it is not there, or stands in a directory elsewhere. */
function userName(uid: number): string | null {
  try {
    const users = readFileSync('/etc/passwd', 'utf8').split('\n')
    return users.map(line => line.split(':')).find(([, , id]) => id === String(uid))?.[0] ?? null
  } catch {
    return null
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
