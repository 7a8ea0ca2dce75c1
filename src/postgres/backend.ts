// The server's own process behind a session: it goes on with a statement when whoever sent it is gone, until it is ended.
import type { Session } from './connection.js'

export interface Backend {
  pid: number
  /** Numbers are given again: this tells two apart. */
  since: string
}

/** The one behind this session. */
export async function backendOf(session: Session): Promise<Backend | null> {
  const [own] = await session.query<Backend>(
    `SELECT pid, backend_start::text AS since FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()`,
  )
  return own ?? null
}

const LOOKS = 200

/** Ends it, and waits: what it was at is then done or undone. A statement ends at its own next moment, ten seconds at most. */
export async function endBackend(session: Session, { pid, since }: Backend): Promise<void> {
  await endThose(session, 'pid = $1 AND backend_start::text = $2', [pid, since])
}

/** The same with all in this session's database that call themselves by this name. @returns whether all have ended. */
export const endBackendsOf = (session: Session, applicationName: string): Promise<boolean> =>
  endThose(session, 'datname = $1 AND application_name = $2', [session.database, applicationName])

async function endThose(session: Session, which: string, values: readonly unknown[]): Promise<boolean> {
  for (let looks = 0; looks < LOOKS; looks++) {
    const left = await session.query(
      `SELECT pg_catalog.pg_terminate_backend(pid), pg_catalog.pg_sleep(0.05)
       FROM pg_catalog.pg_stat_activity WHERE ${which}`,
      values,
    )
    if (left.length === 0) return true
  }
  return false
}
