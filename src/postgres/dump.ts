// pg_dump of one database as a stream: custom format, uncompressed, under an exported snapshot.
// The stream's end proves nothing; the dump is good only when `result` says exit code 0 and the reader found it whole.
import { type ErrorCode, Failure } from '../domain/errors.js'
import { type Child, type ChildResult, describeEnd } from '../sys/child.js'
import { type ProgramOptions, startProgram } from './program.js'
import { firstComplaint, judge, type Verdict } from './program-words.js'
import { databaseConninfo } from './target.js'

export interface DumpOptions extends ProgramOptions {
  database: string
  /** From openSnapshot, which must be held until the dump has ended. */
  snapshotId?: string
  /** How long to wait for each table's lock. */
  lockWaitTimeoutMs: number
  /** Only what is in it, and that itself. A name without upper case, for pg_dump takes a pattern. */
  schema?: string
  /** Default true. */
  data?: boolean
}

/**
 * Starts pg_dump; read `stdout` to its end, then await `result`. Aborting the signal ends it.
 * Row security is off on purpose: a dump that policies thin out would be a silent loss.
 * @throws Failure config-invalid; from `result`, tool-missing.
 */
export async function startDump(options: DumpOptions): Promise<Child> {
  const args = [
    '--format=custom',
    '--compress=0',
    '--no-password',
    `--lock-wait-timeout=${options.lockWaitTimeoutMs}`,
    ...(options.snapshotId === undefined ? [] : [`--snapshot=${options.snapshotId}`]),
    ...(options.schema === undefined ? [] : [`--schema=${options.schema}`, '--strict-names']),
    ...(options.data === false ? ['--schema-only'] : []),
    `--dbname=${databaseConninfo(options.database)}`,
  ]
  const child = await startProgram(options, args, { bigWrites: true })
  child.stdin.end()
  return child
}

const CODES: Partial<Record<Verdict, ErrorCode>> = {
  'connection-lost': 'postgres-unreachable',
  refused: 'postgres-denied',
  'lock-timeout': 'lock-timeout',
  denied: 'privileges-missing',
  'row-security': 'privileges-missing',
}

/** Why a pg_dump that did not exit with 0 failed: postgres-unreachable, postgres-denied, lock-timeout, privileges-missing or dump-failed. */
export function explainDumpEnd(result: ChildResult, database: string): Failure {
  const code = result.endedBy === null ? CODES[judge(result.stderr)] : undefined
  return new Failure(
    code ?? 'dump-failed',
    `pg_dump of ${JSON.stringify(database)} ended with ${describeEnd(result)}: ${firstComplaint(result.stderr)}`,
    { cause: new Error(result.stderr.trim() || 'it said nothing'), facts: { database } },
  )
}
