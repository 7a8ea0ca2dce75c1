// The whole environment of a PostgreSQL client program: where the server is, pinned session settings, and the way to
// the password, which is in a 0600 file that exists as long as the program runs.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../domain/errors.js'
import { ownedPrefix, sweepLeftovers } from '../sys/owner.js'
import { PINNED } from './pinned.js'
import { overSocket, type PostgresTarget } from './target.js'

export interface LibpqEnvironment {
  env: Record<string, string>
  /** Removes the password file. Idempotent. */
  dispose(): Promise<void>
}

export interface SessionWords {
  /** Of the session, like `name=value`, beside those that are pinned. */
  settings?: readonly string[]
  /** What pg_stat_activity calls it. */
  applicationName?: string
}

/** Debian's bundle: libpq before 16 has no way to say "the system's authorities". */
const SYSTEM_CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'
const PASSWORDS = 'gmah-passwords'
/** libpq passes over a password file that is not there; it must not find the one of our home directory. */
const NO_FILE = '/nonexistent/gmah-backup'

/** The programs say the rest of what changes a dump's bytes by themselves; money they leave to the locale. */
const SETTINGS_PINNED = Object.entries({ ...PINNED, lc_monetary: 'C' }).map(
  ([name, value]) => `${name}=${value}`,
)

/**
 * The environment for pg_dump and its kin; dispose of it when the child is gone.
 * @throws Failure config-invalid when the password can't stand in a password file.
 */
export async function libpqEnvironment(
  target: PostgresTarget,
  { settings = [], applicationName = 'gmah-backup' }: SessionWords = {},
): Promise<LibpqEnvironment> {
  const passwords = await passwordFile(target.password)
  return {
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      LC_ALL: 'C.UTF-8',
      PGHOST: target.host,
      PGPORT: String(target.port),
      PGUSER: target.user,
      PGPASSFILE: passwords?.path ?? NO_FILE,
      PGSERVICEFILE: NO_FILE,
      PGSSLMODE: target.sslMode ?? 'prefer',
      PGGSSENCMODE: 'disable',
      PGCONNECT_TIMEOUT: '15',
      PGAPPNAME: applicationName,
      PGTZ: 'UTC',
      PGOPTIONS: [...SETTINGS_PINNED, ...settings].map(setting => `-c ${setting}`).join(' '),
      ...certificates(target),
    },
    dispose: passwords?.remove ?? (async () => {}),
  }
}

function certificates(target: PostgresTarget): Record<string, string> {
  if (overSocket(target) || !target.sslMode?.startsWith('verify')) return {}
  return { PGSSLROOTCERT: target.sslRootCertificateFile ?? SYSTEM_CERTIFICATES }
}

/** Format: PostgreSQL manual, "The Password File": `:` and `\` are escaped, a line ends the entry. */
async function passwordFile(password: string | null | undefined) {
  if (!password) return null
  if (/[\r\n\0]/.test(password)) {
    throw new Failure('config-invalid', 'the PostgreSQL password holds a line break')
  }
  const folder = await mkdtemp(join(tmpdir(), ownedPrefix(PASSWORDS)))
  const path = join(folder, 'pgpass')
  await writeFile(path, `*:*:*:*:${password.replace(/[\\:]/g, '\\$&')}\n`, { mode: 0o600, flag: 'wx' })
  return { path, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** Removes the password files of processes that were killed; for the daemon's start. @returns how many there were. */
export const sweepPasswordFiles = (): Promise<number> => sweepLeftovers(tmpdir(), PASSWORDS)
