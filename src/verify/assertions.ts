// Asks an operator's assertions of a restored database: each alone, in a read-only transaction, with a limit in time.
import type { Assertion } from '../domain/assertion.js'
import type { PostgresConfig } from '../domain/configuration.js'
import { asFailure, causes, Failure } from '../domain/errors.js'
import { connect, type Session } from '../postgres/connection.js'
import { deadline } from '../sys/clock.js'

/** The server cancels the statement by itself; this long after, we go without waiting for it. */
const GRACE_MS = 5_000

/**
 * @returns one line for each assertion that does not hold; none: all do.
 * @throws Failure postgres-* when the database cannot be reached at all; the signal's reason.
 */
export async function askAssertions(
  target: PostgresConfig,
  database: string,
  assertions: readonly Assertion[],
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<string[]> {
  const wrong: string[] = []
  for (const assertion of assertions) {
    const said = await ask(target, database, assertion, options)
    options.signal.throwIfAborted()
    if (said !== null) wrong.push(`assertion ${assertion.name}: ${said}`)
  }
  return wrong
}

/** A connection for each, so that nothing that one sets or leaves open is there for the next. */
async function ask(
  target: PostgresConfig,
  database: string,
  assertion: Assertion,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<string | null> {
  const limit = deadline(timeoutMs + GRACE_MS, new Failure('deadline-passed', 'the server does not answer'))
  const session = await connect(target, database, { signal: AbortSignal.any([signal, limit.signal]) })
  try {
    // Several statements in one string: the query itself goes alone and cannot end the transaction it is in.
    await session.run(
      `RESET search_path; BEGIN READ ONLY; SET LOCAL statement_timeout = ${timeoutMs}; SET LOCAL lock_timeout = ${timeoutMs}`,
    )
    return await verdict(session, assertion)
  } catch (thrown) {
    signal.throwIfAborted()
    if (asFailure(thrown).facts.sqlstate === '57014' || limit.signal.aborted) {
      return `no answer within ${timeoutMs / 1000} s`
    }
    return causes(thrown).at(-1) ?? 'it failed'
  } finally {
    limit.clear()
    await session.close()
  }
}

async function verdict(session: Session, { sql, rows }: Assertion): Promise<string | null> {
  if (rows) {
    // Counted by the server: the answer may be larger than our memory.
    const [counted] = await session.query<{ n: string }>(`SELECT count(*) AS n FROM (${sql}\n) AS asked`)
    const found = Number(counted?.n)
    if (found >= rows.atLeast && found <= rows.atMost) return null
    const most = rows.atMost === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${rows.atMost}`
    return `${found} rows, at least ${rows.atLeast}${most} were asked for`
  }
  const answer = await session.query<Record<string, unknown>>(`SELECT * FROM (${sql}\n) AS asked LIMIT 2`)
  const values = answer.flatMap(row => Object.values(row))
  if (values.length === 1) return values[0] === true ? null : `it is ${JSON.stringify(values[0])}, not true`
  return `it yields ${values.length} values, and must yield one: true`
}
