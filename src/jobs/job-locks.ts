// One holder a lock, whichever process it is in: a row that names the holding process, worthless once that process is gone.
import { randomUUID } from 'node:crypto'
import { Failure } from '../domain/errors.js'
import type { SubjectId } from '../domain/subject.js'
import type { Clock } from '../sys/clock.js'
import { isAlive, ownIdentity, type ProcessIdentity } from '../sys/process-identity.js'
import { guard, type Sqlite } from '../sys/sqlite.js'

export interface JobLocks {
  /** @throws Failure subject-busy while a living process (this one too) holds it. */
  acquire(name: string): { release(): void }
  /** True while a living process holds it. */
  held(name: string): boolean
}

/** The name of a job's lock: its own, or the job's name with its subject. */
export function lockName(job: { name: string; subject?: SubjectId; lock?: string }): string {
  return job.lock ?? (job.subject ? `${job.name} of ${job.subject}` : job.name)
}

interface LockRow {
  token: string
  host: string
  pid: number
  process_start: string
  since: string
}

/** Locks in the table `job_locks`. */
export function openJobLocks(db: Sqlite, clock: Clock): JobLocks {
  const holder = db.prepare('select * from job_locks where name = ?')
  const take = db.prepare(
    `insert or replace into job_locks (name, token, host, pid, process_start, since)
     values (@name, @token, @host, @pid, @process_start, @since)`,
  )
  const drop = db.prepare('delete from job_locks where name = ? and token = ?')
  /** Given back, though a full disk may have kept the row: else a job would be busy for as long as this process lives. */
  const released = new Set<string>()

  const livingHolder = (name: string): LockRow | null => {
    const row = holder.get(name) as LockRow | undefined
    return row && !released.has(row.token) && isAlive(processOf(row)) ? row : null
  }
  const acquire = db.transaction((name: string, token: string) => {
    const other = livingHolder(name)
    if (other) {
      throw new Failure(
        'subject-busy',
        `${name} is being done by process ${other.pid} since ${other.since}`,
        {
          facts: { pid: other.pid, since: other.since },
        },
      )
    }
    const { host, pid, start } = ownIdentity()
    take.run({ name, token, host, pid, process_start: start, since: clock.now().toISOString() })
  })
  return {
    acquire: name => {
      const token = randomUUID()
      guard(db.name, () => acquire.immediate(name, token))
      const release = (): void => {
        released.add(token)
        guard(db.name, () => void drop.run(name, token))
        released.delete(token)
      }
      return { release }
    },
    held: name => guard(db.name, () => livingHolder(name) !== null),
  }
}

const processOf = (row: LockRow): ProcessIdentity => ({
  host: row.host,
  pid: row.pid,
  start: row.process_start,
})
