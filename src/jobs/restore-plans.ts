// Plans of restores: what would happen, shown before it does. Kept in the journal's file, good for one restore and for a while.
import { randomBytes } from 'node:crypto'
import { Failure } from '../domain/errors.js'
import type { RunId } from '../domain/ids.js'
import { redact } from '../domain/redact.js'
import type { SubjectId } from '../domain/subject.js'
import type { Clock } from '../sys/clock.js'
import { guard, type Sqlite } from '../sys/sqlite.js'

export interface NewPlan {
  subject: SubjectId
  /** What was asked; plain data. */
  request: Record<string, unknown>
  /** What the plan stands on: when it differs at the start, the plan is stale. */
  basis: string
  /** What a person was shown; plain data. */
  plan: Record<string, unknown>
  who: string
  /** How long it may be started, in milliseconds. */
  validMs: number
}

export interface StoredPlan extends Omit<NewPlan, 'validMs'> {
  /** 12 hex digits. */
  id: string
  madeAt: Date
  expiresAt: Date
  approvedBy: string | null
  /** The restore it was used for. */
  run: RunId | null
}

export interface RestorePlans {
  make(plan: NewPlan): StoredPlan
  /** @throws Failure plan-unknown */
  get(id: string): StoredPlan
  /** A plan that may still be started. @throws Failure plan-unknown, plan-used, plan-stale when its time is over. */
  usable(id: string): StoredPlan
  /** @throws Failure as `usable`. */
  approve(id: string, who: string): StoredPlan
  /** Ties it to its run, once. @throws Failure plan-used */
  use(id: string, run: RunId): void
}

interface PlanRow {
  id: string
  subject: SubjectId
  request: string
  basis: string
  plan: string
  who: string
  made_at: string
  expires_at: string
  approved_by: string | null
  run: RunId | null
}

/** Plans are looked up this long after they expired: a run names the plan it came from. */
const KEPT_MS = 90 * 86_400_000

/** Plans in the table `restore_plans`. */
export function openRestorePlans(db: Sqlite, clock: Clock): RestorePlans {
  const find = db.prepare('select * from restore_plans where id = ?')
  const forget = db.prepare('delete from restore_plans where expires_at < ?')
  const approved = db.prepare('update restore_plans set approved_by = ? where id = ?')
  const used = db.prepare('update restore_plans set run = ? where id = ? and run is null')
  const insert = db.prepare(
    `insert into restore_plans (id, subject, request, basis, plan, who, made_at, expires_at)
     values (@id, @subject, @request, @basis, @plan, @who, @made_at, @expires_at)`,
  )
  const get = (id: string): StoredPlan => {
    const row = guard(db.name, () => find.get(id) as PlanRow | undefined)
    if (!row) throw new Failure('plan-unknown', `there is no plan ${id}`)
    return toPlan(row)
  }
  const usable = (id: string): StoredPlan => {
    const plan = get(id)
    if (plan.run) throw usedUp(id, plan.run)
    if (clock.now() >= plan.expiresAt)
      throw new Failure('plan-stale', `the plan ${id} was good until ${plan.expiresAt.toISOString()}`)
    return plan
  }
  return {
    get,
    usable,
    make: ({ validMs, ...plan }) => {
      const now = clock.now()
      const id = randomBytes(6).toString('hex')
      const made: PlanRow = {
        ...plan,
        id,
        request: JSON.stringify(plan.request),
        plan: JSON.stringify(redact(plan.plan)),
        made_at: now.toISOString(),
        expires_at: new Date(now.getTime() + validMs).toISOString(),
        approved_by: null,
        run: null,
      }
      guard(db.name, () => {
        forget.run(new Date(now.getTime() - KEPT_MS).toISOString())
        insert.run(made)
      })
      return get(id)
    },
    approve: (id, who) => {
      usable(id)
      guard(db.name, () => approved.run(who, id))
      return get(id)
    },
    use: (id, run) => {
      if (guard(db.name, () => used.run(run, id)).changes === 0) throw usedUp(id, get(id).run)
    },
  }
}

const usedUp = (id: string, run: RunId | null): Failure =>
  new Failure('plan-used', `the plan ${id} was used by the run ${run}`)

const toPlan = (row: PlanRow): StoredPlan => ({
  id: row.id,
  subject: row.subject,
  request: JSON.parse(row.request),
  basis: row.basis,
  plan: JSON.parse(row.plan),
  who: row.who,
  madeAt: new Date(row.made_at),
  expiresAt: new Date(row.expires_at),
  approvedBy: row.approved_by,
  run: row.run,
})
