// The whole environment of a PostgreSQL client program: where the server is, pinned session settings, and the way to
// the password, which is in a 0600 file that exists as long as the program runs.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../domain/errors.js'
import { ownedPrefix, sweepLeftovers } from '../sys/owner.js'
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

/** These change the bytes of a dump, can end it early, or forbid a restore. All of them are in every server from 12 on, and anyone may set them. */
const PINNED = [
  'bytea_output=hex',
  'lc_monetary=C',
  'statement_timeout=0',
  'idle_in_transaction_session_timeout=0',
  'quote_all_identifiers=off',
  'standard_conforming_strings=on',
  'default_transaction_read_only=off',
]

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
      PGOPTIONS: [...PINNED, ...settings].map(setting => `-c ${setting}`).join(' '),
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
