// The one table of errors: every failure an operator can meet has a code, an exit status, an HTTP status and a hint.
// docs/errors.md is generated from it; a test keeps the two equal.

/** Exit statuses of the command line, by class of trouble. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  partial: 3,
  notFound: 4,
  refused: 5,
  store: 6,
  postgres: 7,
  integrity: 8,
  keys: 9,
  busy: 10,
  provider: 11,
  interrupted: 130,
} as const

type Row = { exit: number; http: number; retryable: boolean; hint: string }

const row = (exit: number, http: number, retryable: boolean, hint: string): Row => ({
  exit,
  http,
  retryable,
  hint,
})

// biome-ignore format: a table is read by rows
export const ERRORS = {
  unexpected: row(EXIT.unexpected, 500, false, 'this is a bug: type the command again with --debug and report what it says'),
  interrupted: row(EXIT.interrupted, 503, true, 'start the command again; what was stored is reused'),
  cancelled: row(EXIT.interrupted, 409, false, 'nothing is left half; start it again when it is wanted'),
  'deadline-passed': row(EXIT.unexpected, 504, true, "raise the schedule's deadline, or find what made it slow"),
  partial: row(EXIT.partial, 500, false, 'type `gmah-backup runs` to see which subjects failed and why'),
  usage: row(EXIT.usage, 400, false, 'type the command with --help'),
  'config-invalid': row(EXIT.usage, 400, false, 'type `gmah-backup config check` to see every problem at once'),
  'config-missing': row(EXIT.usage, 400, false, 'copy gmah-backup.example.yaml to gmah-backup.yaml, or pass --config'),
  'secret-exposed': row(EXIT.usage, 400, false, 'chmod 600 the file and keep it owned by the daemon'),
  'tenant-unknown': row(EXIT.notFound, 404, false, 'type `gmah-backup tenants` to see the names'),
  'backup-unknown': row(EXIT.notFound, 404, false, 'type `gmah-backup backups` to see the ids'),
  'archive-unknown': row(EXIT.notFound, 404, false, 'type `gmah-backup archive list` to see the names'),
  'member-unknown': row(EXIT.notFound, 404, false, 'type `gmah-backup archive show TENANT` to see what is in it'),
  'run-unknown': row(EXIT.notFound, 404, false, 'type `gmah-backup runs` to see the ids'),
  'cancel-too-late': row(EXIT.refused, 409, false, 'type `gmah-backup runs ID` to see how it ended; a restore in place is taken back by `gmah-backup restore undo ID`'),
  'run-elsewhere': row(EXIT.refused, 409, false, 'press Ctrl-C where it runs, or send its process SIGINT'),
  'incident-unknown': row(EXIT.notFound, 404, false, 'type `gmah-backup alert list` to see the ids'),
  'alert-failed': row(EXIT.unexpected, 502, false, 'see what each channel said, correct it in `alerts`, and type `gmah-backup alert test` again'),
  'schedule-unknown': row(EXIT.notFound, 404, false, 'type `gmah-backup schedules` to see the names'),
  'token-unknown': row(EXIT.notFound, 404, false, 'type `gmah-backup tokens list` to see the ids'),
  'plan-unknown': row(EXIT.notFound, 404, false, 'make a plan first: POST /v1/restores/plans'),
  unauthorized: row(EXIT.refused, 401, false, 'send `Authorization: Bearer TOKEN`; `gmah-backup tokens create NAME` makes one'),
  forbidden: row(EXIT.refused, 403, false, 'use a token with the role and the tenants for it; `gmah-backup tokens list` shows what each may do'),
  'too-many-requests': row(EXIT.refused, 429, true, 'wait as long as the Retry-After header says'),
  'plan-stale': row(EXIT.refused, 409, false, 'make a new plan and read it: what it said is not true any more'),
  'plan-used': row(EXIT.refused, 409, false, 'make a new plan for another restore'),
  'approval-missing': row(EXIT.refused, 403, false, 'a second person approves it with a token of their own: POST /v1/restores/plans/PLAN/approvals'),
  'key-reused': row(EXIT.refused, 422, false, 'use a new Idempotency-Key for a different request'),
  'audit-broken': row(EXIT.integrity, 500, false, 'somebody changed the audit: keep a copy of the journal, and compare with the heads you noted'),
  'playbook-unknown': row(EXIT.notFound, 404, false, 'type `gmah-backup playbook list` to see the names'),
  'playbook-invalid': row(EXIT.usage, 400, false, 'see docs/operations.md, "Playbooks", for what may stand in one'),
  'assertion-failed': row(EXIT.integrity, 500, false, 'look at the database: its answer is not the one that was expected'),
  'file-exists': row(EXIT.refused, 409, false, 'choose another file name; nothing is ever overwritten'),
  'target-exists': row(EXIT.refused, 409, false, 'choose another name with --as; nothing is ever overwritten'),
  'target-invalid': row(EXIT.refused, 400, false, 'choose a database name of 1 to 63 bytes'),
  'roles-missing': row(EXIT.refused, 409, false, 'add --with-roles to create them from the globals backup'),
  'extension-missing': row(EXIT.refused, 409, false, 'install the extension packages on the target server, then try again'),
  'swap-blocked': row(EXIT.refused, 409, true, 'see who holds the database in pg_stat_activity and pg_prepared_xacts, then try again; nothing was changed'),
  'confirmation-missing': row(EXIT.refused, 409, false, 'type the tenant\'s name where it is asked, or pass it with --yes-restore'),
  'pooler-paused': row(EXIT.postgres, 502, true, 'the data is as told, but PgBouncer holds its clients: type `RESUME <database>` in its admin console'),
  'pooler-unreachable': row(EXIT.postgres, 502, true, 'check postgres.pgbouncer in the configuration, and that PgBouncer runs'),
  'version-too-old': row(EXIT.refused, 409, false, 'restore into a server at least as new as the one that was dumped'),
  'policy-missing': row(EXIT.usage, 400, false, 'put one schedule with `job: sweep` into the schedules directory; schedules/retention.yaml is the example'),
  'sweep-refused': row(EXIT.refused, 409, false, 'type `gmah-backup retention plan` to see why, then `gmah-backup sweep --yes-remove N` with the number it says'),
  'clock-doubtful': row(EXIT.refused, 409, false, 'compare `date -u` with the time elsewhere and set the clock; nothing was deleted'),
  'subject-busy': row(EXIT.busy, 409, true, 'another run works on this subject; wait for it, see `gmah-backup runs`'),
  'store-leased': row(EXIT.busy, 409, false, 'another daemon works on this store; stop it, or give this one a prefix of its own'),
  'lease-lost': row(EXIT.busy, 409, true, 'another process took the lease over: check for a second daemon and for clock jumps'),
  'store-unreachable': row(EXIT.store, 502, true, 'check the endpoint, the network and the provider status page'),
  'store-busy': row(EXIT.store, 503, true, 'the store asks to slow down; lower the concurrency or wait'),
  'store-denied': row(EXIT.store, 502, false, 'check the access key, its secret and its rights on this bucket'),
  'store-full': row(EXIT.store, 507, false, 'free space on the store or move it; nothing was deleted'),
  'store-missing': row(EXIT.store, 502, false, 'check the bucket or directory name; it is never created for you'),
  'store-conflict': row(EXIT.store, 409, false, 'the object is there already or changed meanwhile; look who else writes to this store'),
  'store-locked': row(EXIT.store, 409, false, 'a bucket lock holds the object; it goes when the lock lets go'),
  'store-refused': row(EXIT.store, 502, false, 'the store refused the request as such; see the cause'),
  'object-missing': row(EXIT.integrity, 404, false, 'an object that must be in the store is not: `gmah-backup check TENANT` says which backups are whole'),
  'object-corrupt': row(EXIT.integrity, 500, false, 'do not trust this backup: `gmah-backup check TENANT --read all` says which ones are whole; keep the object for study'),
  'manifest-invalid': row(EXIT.integrity, 500, false, 'do not trust this backup: restore another one'),
  'format-unknown': row(EXIT.integrity, 500, false, 'this was written by a newer gmah-backup: upgrade this one'),
  'proof-failed': row(EXIT.integrity, 500, false, 'the restored data differs from the backup: see which tables, and keep the original'),
  'backup-stale': row(EXIT.integrity, 500, false, 'a proof of an old backup says nothing: type `gmah-backup runs` to see why there is no newer one'),
  'dump-invalid': row(EXIT.integrity, 500, true, 'pg_dump produced no sound archive; see the cause, then run the backup again'),
  'dump-failed': row(EXIT.postgres, 502, true, 'see what pg_dump said in the cause, then run the backup again'),
  'restore-failed': row(EXIT.postgres, 502, false, 'see what pg_restore said in the cause; nothing is left under the asked name'),
  'tool-missing': row(EXIT.postgres, 500, false, 'install the PostgreSQL client package of the server version, or set postgres.tools_directory'),
  'tool-too-old': row(EXIT.postgres, 500, false, 'install a pg_dump at least as new as the server, or set postgres.tools_directory'),
  'lock-timeout': row(EXIT.postgres, 503, true, 'something holds a table lock: look at pg_stat_activity, then run the backup again'),
  'postgres-unreachable': row(EXIT.postgres, 502, true, 'check that PostgreSQL runs and that host, port or socket are right'),
  'postgres-denied': row(EXIT.postgres, 502, false, 'check user, password and pg_hba.conf; the user needs to read every table'),
  'postgres-failed': row(EXIT.postgres, 502, false, 'see what the server said in the cause'),
  'privileges-missing': row(EXIT.postgres, 502, false, 'grant pg_read_all_data to the backup user, and BYPASSRLS where row security is on'),
  'pooler-in-path': row(EXIT.postgres, 502, false, 'point postgres.host and port at PostgreSQL itself, not at PgBouncer'),
  'key-missing': row(EXIT.keys, 500, false, 'put the identity file back, or type `gmah-backup keys init` on a new installation'),
  'key-wrong': row(EXIT.keys, 500, false, 'put the right operational identity back; or type it again with `--identity FILE`, the recovery identity, and then `gmah-backup --identity FILE keys rotate`'),
  'recovery-missing': row(EXIT.keys, 500, false, 'type `gmah-backup keys rotate`: it wraps every key to the recovery recipients of the configuration'),
  'key-invalid': row(EXIT.keys, 400, false, 'an identity starts with AGE-SECRET-KEY-1, a recipient with age1'),
  'hetzner-off': row(EXIT.refused, 409, false, 'write hetzner.token_file into the configuration; without a Hetzner server this layer stays off'),
  'hetzner-denied': row(EXIT.provider, 502, false, 'make a new token of the right project in the Hetzner console and replace hetzner.token_file'),
  'hetzner-readonly': row(EXIT.provider, 502, false, 'the token may only read: make one with Read & Write in the Hetzner console'),
  'hetzner-unreachable': row(EXIT.provider, 502, true, 'check the network and status.hetzner.com; the next run adopts what this one may have made'),
  'hetzner-busy': row(EXIT.provider, 503, true, 'other programs use up the request limit of this project, or change the same server; wait and try again'),
  'hetzner-refused': row(EXIT.provider, 502, false, 'see the code in the message: https://docs.hetzner.cloud explains it'),
  'server-unknown': row(EXIT.notFound, 404, false, 'check the name in the Hetzner console, and that the token is of the same project'),
  'server-locked': row(EXIT.busy, 409, true, 'another action holds the server: see its activities in the Hetzner console, then run it again'),
  'snapshot-unknown': row(EXIT.notFound, 404, false, 'type `gmah-backup snapshot list` to see the ids'),
  'snapshot-protected': row(EXIT.refused, 409, false, 'it is kept on purpose, or is not ours: remove it in the Hetzner console when you are sure'),
  'snapshot-limit': row(EXIT.refused, 409, false, 'the account has no room for another snapshot: delete one by hand or ask Hetzner for more; nothing was deleted'),
  'snapshot-failed': row(EXIT.provider, 502, true, 'see the action in the Hetzner console, then run it again; older snapshots were not touched'),
  'server-left-off': row(EXIT.provider, 502, true, 'start it now in the Hetzner console: it was shut down for its snapshot'),
  'rebuild-refused': row(EXIT.refused, 409, false, 'see what the message says; nothing was changed'),
  'file-denied': row(EXIT.unexpected, 500, false, "check the file's owner and mode: commands are run as the daemon's user"),
  'disk-full': row(EXIT.unexpected, 507, false, 'free disk space where the message says: the state directory, or the disk of the PostgreSQL server'),
  'child-failed': row(EXIT.unexpected, 500, false, 'see the command and what it said in the cause'),
} as const satisfies Record<string, Row>

export type ErrorCode = keyof typeof ERRORS

export interface FailureOptions {
  cause?: unknown
  /** Replaces the table's hint where something more precise is known. */
  hint?: string
  /** Values for machines: names, counts, sizes. Never a secret. */
  facts?: Record<string, unknown>
}

/** The only error this program throws on purpose. `message` is lowercase and says what failed on which thing. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: ErrorCode
  readonly hint: string
  readonly facts: Record<string, unknown>

  constructor(code: ErrorCode, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint ?? ERRORS[code].hint
    this.facts = options.facts ?? {}
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }

  get exit(): number {
    return ERRORS[this.code].exit
  }

  get http(): number {
    return ERRORS[this.code].http
  }
}

/** What the operating system says of files. Stores have a table of their own. */
const BY_ERRNO: Record<string, ErrorCode> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EACCES: 'file-denied',
  EPERM: 'file-denied',
  EROFS: 'file-denied',
}

/** Not a trouble of its own: the whole run was told to end, and tells of it. */
export const isStop = ({ code }: { code: ErrorCode }): boolean =>
  code === 'interrupted' || code === 'cancelled'

/**
 * Anything thrown, as a Failure: our own pass through, an abort becomes `interrupted`, a full disk and a file that is
 * not ours become what they are, the rest `unexpected`.
 */
export function asFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return thrown.cause instanceof Failure
      ? thrown.cause
      : new Failure('interrupted', 'interrupted before the end', { cause: thrown })
  }
  return new Failure(codeOf(thrown), words(thrown), { cause: thrown })
}

function codeOf(thrown: unknown): ErrorCode {
  const { code, path } = (thrown ?? {}) as { code?: unknown; path?: unknown }
  const known = typeof code === 'string' ? BY_ERRNO[code] : undefined
  // A port that we may not listen on is denied too, and is no file.
  return known === undefined || (known === 'file-denied' && typeof path !== 'string') ? 'unexpected' : known
}

/** The cause chain as lines, outermost first, for a person and for the journal. One that only repeats is left out. */
export function causes(thrown: unknown): string[] {
  const lines: string[] = []
  let last = ''
  let at: unknown = thrown
  for (let depth = 0; at !== undefined && at !== null && depth < 10; depth++) {
    const said = words(at)
    if (at instanceof Failure) lines.push(`${at.code}: ${said}`)
    else if (said !== last) lines.push(said)
    last = said
    at = at instanceof Error ? at.cause : undefined
  }
  return lines
}

/** What it says of itself; `TypeError: …` where the name adds something. */
function words(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const message =
    thrown.message || (thrown instanceof AggregateError ? thrown.errors.map(words).join('; ') : '')
  if (thrown instanceof Failure || /^(error|aggregateerror|sqliteerror)$/i.test(thrown.name)) return message
  return message ? `${thrown.name}: ${message}` : thrown.name
}
