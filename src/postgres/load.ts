// pg_restore of one archive, read from stdin, into an existing database: all of it or nothing.
// Owners and grants are restored as dumped; what belongs to the database itself is databases.ts's work.
import { type ErrorCode, Failure } from '../domain/errors.js'
import { type Child, type ChildResult, describeEnd } from '../sys/child.js'
import { type ProgramOptions, startProgram } from './program.js'
import { firstComplaint, judge, type Verdict } from './program-words.js'
import { databaseConninfo } from './target.js'

export interface RestoreOptions extends ProgramOptions {
  database: string
  /** One transaction, default true; false leaves what was loaded before an error. */
  singleTransaction?: boolean
  /** SET ROLE to it first: objects whose owner is not restored are its. */
  role?: string
  /** Default true each. */
  owners?: boolean
  grants?: boolean
  /** A file as `pg_restore --list` prints it: only these entries, in this order. */
  listFile?: string
}

/**
 * Starts pg_restore; write the archive to `stdin`, end it, then await `result`. Aborting the signal ends it.
 * When the source fails midway, kill it and leave `stdin` open: an archive has no end marker, an early end may look whole.
 * @throws Failure config-invalid; from `result`, tool-missing.
 */
export async function startRestore(options: RestoreOptions): Promise<Child> {
  const { singleTransaction = true, owners = true, grants = true, role, listFile } = options
  const args = [
    '--exit-on-error',
    '--no-password',
    ...(singleTransaction ? ['--single-transaction'] : []),
    ...(owners ? [] : ['--no-owner']),
    ...(grants ? [] : ['--no-privileges']),
    ...(role === undefined ? [] : [`--role=${role}`]),
    ...(listFile === undefined ? [] : [`--use-list=${listFile}`]),
    `--dbname=${databaseConninfo(options.database)}`,
  ]
  const child = await startProgram(options, args, { bigWrites: false })
  child.stdout.resume()
  return child
}

const CODES: Partial<Record<Verdict, ErrorCode>> = {
  'connection-lost': 'postgres-unreachable',
  refused: 'postgres-denied',
  denied: 'postgres-denied',
  'role-missing': 'roles-missing',
  'extension-missing': 'extension-missing',
  'disk-full': 'disk-full',
}

/** Why a pg_restore that did not exit with 0 failed: postgres-unreachable, postgres-denied, roles-missing, extension-missing, disk-full or restore-failed. */
export function explainRestoreEnd(result: ChildResult, database: string): Failure {
  const code = result.endedBy === null ? CODES[judge(result.stderr)] : undefined
  return new Failure(
    code ?? 'restore-failed',
    `pg_restore into ${JSON.stringify(database)} ended with ${describeEnd(result)}: ${firstComplaint(result.stderr)}`,
    {
      cause: new Error(result.stderr.trim() || 'it said nothing'),
      facts: { database, endedBy: result.endedBy },
    },
  )
}
