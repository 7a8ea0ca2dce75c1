// The cluster's globals: pg_dumpall's script as a stream, and what its text says of each role.
// Passwords are in it only where the server lets us read them.
import { type ErrorCode, Failure } from '../domain/errors.js'
import { type Child, type ChildResult, describeEnd } from '../sys/child.js'
import { connect } from './connection.js'
import { type ProgramOptions, startProgram } from './program.js'
import { firstComplaint, judge, type Verdict } from './program-words.js'
import { type Statement, splitStatements, type Word } from './sql-statements.js'
import { databaseConninfo, maintenanceDatabase } from './target.js'
import type { Tool } from './tools.js'

export interface GlobalsDump {
  child: Child
  /** False: roles come back without passwords, because the user may not read pg_authid. */
  passwords: boolean
}

/** Read `child.stdout` to its end, then await its `result`. @throws Failure postgres-*, pooler-in-path, config-invalid */
export async function startGlobalsDump(options: ProgramOptions): Promise<GlobalsDump> {
  const database = maintenanceDatabase(options.target)
  const passwords = await mayReadPasswords(options)
  const args = [
    '--globals-only',
    '--no-password',
    ...(passwords ? [] : ['--no-role-passwords']),
    ...(knowsRestrictKey(options.tool) ? ['--restrict-key=gmah'] : []),
    `--database=${databaseConninfo(database)}`,
  ]
  const child = await startProgram(options, args, { bigWrites: false })
  child.stdin.end()
  return { child, passwords }
}

async function mayReadPasswords({ target, signal }: ProgramOptions): Promise<boolean> {
  const session = await connect(target, maintenanceDatabase(target), signal ? { signal } : {})
  try {
    const [row] = await session.query<{ may: boolean }>(
      `SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS may`,
    )
    return row?.may === true
  } finally {
    await session.close()
  }
}

/** Without it the script holds a random key, and equal roles would give other bytes each night. Came with the minors of August 2025. */
function knowsRestrictKey({ major, minor }: Tool): boolean {
  const since: Record<number, number> = { 13: 22, 14: 19, 15: 14, 16: 10, 17: 6 }
  return major > 17 || minor >= (since[major] ?? Number.POSITIVE_INFINITY)
}

const CODES: Partial<Record<Verdict, ErrorCode>> = {
  'connection-lost': 'postgres-unreachable',
  refused: 'postgres-denied',
  denied: 'privileges-missing',
}

/** Why a pg_dumpall that did not exit with 0 failed. */
export function explainGlobalsEnd(result: ChildResult): Failure {
  const code = result.endedBy === null ? CODES[judge(result.stderr)] : undefined
  return new Failure(
    code ?? 'dump-failed',
    `pg_dumpall ended with ${describeEnd(result)}: ${firstComplaint(result.stderr)}`,
    { cause: new Error(result.stderr.trim() || 'it said nothing') },
  )
}

export interface Role {
  name: string
  /** CREATE ROLE first, then ALTER ROLE and COMMENT, in the script's order. */
  statements: string[]
  memberships: { of: string; statement: string }[]
}

/** The roles of a globals script by name. Statements about anything else are passed over. */
export function parseGlobals(script: string): Map<string, Role> {
  const roles = new Map<string, Role>()
  for (const statement of splitStatements(script)) {
    const { words, text } = statement
    const [, second, third, fourth] = words.map(word => word.value)
    if (starts(words, 'create', 'role') && third !== undefined) {
      roles.set(third, { name: third, statements: [text], memberships: [] })
    } else if (starts(words, 'alter', 'role')) roles.get(third ?? '')?.statements.push(text)
    else if (starts(words, 'comment', 'on', 'role')) roles.get(fourth ?? '')?.statements.push(text)
    else if (isMembership(words)) {
      roles.get(fourth ?? '')?.memberships.push({ of: second ?? '', statement: withoutGrantor(statement) })
    }
  }
  return roles
}

const starts = (words: readonly Word[], ...wanted: string[]): boolean =>
  wanted.every((value, index) => words[index]?.kind === 'word' && words[index]?.value === value)

/** GRANT role TO role; a grant of a privilege has ON where this has TO. */
const isMembership = (words: readonly Word[]): boolean =>
  starts(words, 'grant') && words[2]?.kind === 'word' && words[2].value === 'to'

/** Who granted it need not exist where it is restored. */
function withoutGrantor({ text, words }: Statement): string {
  const granted = words.find((_, index) => starts(words.slice(index, index + 2), 'granted', 'by'))
  return granted === undefined ? text : text.slice(0, granted.at).trimEnd()
}
