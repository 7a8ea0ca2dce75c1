// One sweep of the whole store: look, plan, ask when it is a lot, then remove subject by subject what the plan said.
import PQueue from 'p-queue'
import { asFailure, Failure } from '../domain/errors.js'
import type { BackupId } from '../domain/ids.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import { listSubjects } from '../repository/manifests.js'
import { askFuse } from '../retention/fuse.js'
import { nextRemoval } from '../retention/next-removal.js'
import { heldUntil } from '../retention/plan.js'
import { findDepartures, type Presence, recordDeparture } from './departures.js'
import { errorFacts } from './journal-rows.js'
import type { JobContext, Parts } from './parts.js'
import {
  lockedOf,
  planSubject,
  policyOf,
  removalsOf,
  type SubjectPlan,
  type SweepRules,
} from './plan-subject.js'
import type { JobEnd } from './runner.js'
import { type SweptSubject, sweepSubject } from './sweep-subject.js'
import { tidyAfterSweep } from './tidy-after-sweep.js'

export interface SweepReport {
  swept: SweptSubject[]
  failed: { subject: SubjectId; failure: Failure }[]
  /** What the fuse holds: it waits for a yes. */
  refused: { subject: SubjectId; remove: number; why: string }[]
  /** How many removals wait for a yes. */
  held: number
  /** What kept the sweep from knowing who departed; nothing is removed then. */
  unknown: string | null
  /** What could not be tidied up in the end: leftovers of probes, old events. */
  untidied: Failure[]
  /** How many stay, and the day on which the next of them goes; null: none within 400 days. */
  kept: number
  nextRemoval: Date | null
}

const DAY_MS = 86_400_000

interface Planned {
  subject: SubjectId
  of: number
  remove: readonly BackupId[]
  /** Was to go before, and the bucket refused: no fuse asks twice. */
  again: readonly BackupId[]
}

export interface SweepRequest {
  /** Who is on the server; see `lookWhoIsThere`. */
  present: Presence
  /** The number that a refused sweep asked for; null: nobody said yes. */
  yesRemove: number | null
}

/**
 * Sweeps every subject in the store.
 * @throws Failure policy-missing; sweep-refused when more than a third of everything would go, or another number than
 * `yesRemove` waits for a yes: nothing was removed then. A subject's own failure is in the report.
 */
export async function sweepStore(
  parts: Parts,
  { present, yesRemove }: SweepRequest,
  context: JobContext,
): Promise<SweepReport> {
  const subjects = await listSubjects(parts.repository.store, context)
  const departures = await findDepartures(parts, subjects, present, context.signal)
  const rules = { ...policyOf(parts.config.schedules), departures }
  await rememberDepartures(parts, rules, context)
  const { unknown } = departures
  const report: SweepReport = {
    ...{ swept: [], failed: [], refused: [], held: 0, unknown },
    ...{ untidied: [], kept: 0, nextRemoval: null },
  }
  const planned = await planAll(parts, subjects, rules, context, report)
  const allowed = ask(planned, rules, yesRemove, context, report)
  await eachSubject(parts, allowed, context, async ({ subject, remove, again }) => {
    await orReport(report, subject, context, async () => {
      report.swept.push(await sweepSubject(parts, subject, rules, new Set([...remove, ...again]), context))
    })
  })
  context.signal.throwIfAborted()
  // What the fuse refused, or a failure left, stays too.
  const removed = report.swept.reduce((sum, one) => sum + one.removed.length, 0)
  report.kept = planned.reduce((sum, one) => sum + one.of, 0) - removed
  const journalMs = clockIsRight(report) ? rules.policy.journalMs : null
  report.untidied = await tidyAfterSweep(parts, journalMs, context)
  return report
}

/** Each subject's sweep compares our clock with the store's: a wrong one would make the whole journal old. */
const clockIsRight = ({ swept, failed }: SweepReport): boolean =>
  swept.length > 0 && failed.every(({ failure }) => failure.code !== 'clock-doubtful')

/** How the run of a sweep ends. @throws Failure when nothing could be swept: the first subject's own. */
export function endOfSweep(report: SweepReport): JobEnd {
  const { swept, failed, refused, held, unknown, untidied, kept } = report
  const [first] = failed
  if (first && swept.length === 0) throw first.failure
  const removed = swept.reduce((sum, one) => sum + one.removed.length, 0)
  const removedBytes = swept.reduce((sum, one) => sum + (one.chunks?.removedBytes ?? 0), 0)
  const locked = swept.reduce((sum, one) => sum + one.locked, 0)
  const next = report.nextRemoval ? { nextRemoval: report.nextRemoval.toISOString() } : {}
  const facts = {
    removed,
    removedBytes,
    kept,
    ...next,
    ...(locked > 0 ? { locked } : {}),
    ...(held > 0 ? { held } : {}),
  }
  const whole = [failed, refused, untidied].every(list => list.length === 0) && unknown === null
  const unprotected = swept.every(one => one.chunks !== null)
  return {
    outcome: whole && unprotected ? 'succeeded' : 'partial',
    facts: { ...facts, failed: failed.length },
  }
}

async function rememberDepartures(parts: Parts, rules: SweepRules, context: JobContext): Promise<void> {
  const { departures, policy } = rules
  for (const subject of departures.fresh) {
    const since = departures.since.get(subject)
    if (!since) continue
    await recordDeparture(parts, subject, since)
    const until = heldUntil({ since, holdMs: policy.departed.holdMs })
    const facts = { since: since.toISOString(), heldUntil: until.toISOString() }
    context.emit({ type: 'subject-departed', subject, facts })
  }
  const { doubted } = departures
  if (doubted.length > 0) {
    context.emit({ type: 'departures-doubted', facts: { subjects: doubted.map(subjectName) } })
  }
}

async function planAll(
  parts: Parts,
  subjects: readonly SubjectId[],
  rules: SweepRules,
  context: JobContext,
  report: SweepReport,
): Promise<Planned[]> {
  const planned: Planned[] = []
  await eachSubject(
    parts,
    subjects.map(subject => ({ subject })),
    context,
    async ({ subject }) => {
      await orReport(report, subject, context, async () => {
        const plan = await planSubject(parts, subject, rules, { open: false, signal: context.signal })
        const remove = removalsOf(plan)
        planned.push({ subject, of: plan.copies.length, remove, again: lockedOf(plan) })
        foresee(report, plan, parts.clock.now())
      })
    },
  )
  return planned
}

/** Whoever goes by tomorrow is as soon as any: the others need not be asked, each of whom costs a few hundred plans. */
function foresee(report: SweepReport, { copies, circumstances }: SubjectPlan, now: Date): void {
  const { nextRemoval: soonest } = report
  if (soonest && soonest.getTime() - now.getTime() <= DAY_MS) return
  const next = nextRemoval(copies, circumstances)
  if (next && (!soonest || next < soonest)) report.nextRemoval = next
}

/** The fuse: what may be swept, and of the rest only the chunks that nothing names. */
function ask(
  planned: readonly Planned[],
  { policy }: SweepRules,
  yesRemove: number | null,
  context: JobContext,
  report: SweepReport,
): Planned[] {
  const verdict = askFuse(
    planned.map(({ subject, of, remove }) => ({ subject, of, remove: remove.length })),
    policy.fuse,
  )
  const total = (of: (plan: Planned) => number) => planned.reduce((sum, plan) => sum + of(plan), 0)
  const [backups, remove] = [total(plan => plan.of), total(plan => plan.remove.length)]
  const refused = yesRemove === null ? verdict.held : 0
  context.emit({ type: 'sweep-planned', facts: { subjects: planned.length, backups, remove, refused } })
  if (yesRemove !== null) {
    if (yesRemove === verdict.held) return [...planned]
    throw refusal(verdict.held, `${yesRemove} were allowed, but ${verdict.held} wait for a yes`)
  }
  if (verdict.all !== null) {
    context.emit({ type: 'sweep-refused', facts: { remove, of: backups, why: verdict.all } })
    throw refusal(verdict.held, verdict.all)
  }
  report.held = verdict.held
  return planned.map(plan => {
    const why = verdict.refused.get(plan.subject)
    if (why === undefined) return plan
    const facts = { remove: plan.remove.length, of: plan.of, why }
    context.emit({ type: 'sweep-refused', subject: plan.subject, facts })
    report.refused.push({ subject: plan.subject, remove: plan.remove.length, why })
    return { ...plan, remove: [], again: [] }
  })
}

const refusal = (held: number, why: string): Failure =>
  new Failure('sweep-refused', `nothing was removed: ${why}`, {
    hint: `type \`gmah-backup retention plan\` to see why, then \`gmah-backup sweep --yes-remove ${held}\` if that is what you want`,
    facts: { held },
  })

async function eachSubject<T extends { subject: SubjectId }>(
  { config }: Parts,
  subjects: readonly T[],
  { signal }: JobContext,
  work: (one: T) => Promise<void>,
): Promise<void> {
  const queue = new PQueue({ concurrency: config.dump.concurrency })
  try {
    await queue.addAll(subjects.map(one => () => (signal.aborted ? Promise.resolve() : work(one))))
  } finally {
    await queue.onIdle()
  }
}

/** One subject's failure is one subject's failure. */
async function orReport(
  report: SweepReport,
  subject: SubjectId,
  context: JobContext,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    const failure = asFailure(thrown)
    report.failed.push({ subject, failure })
    context.emit({ type: 'sweep-failed', subject, facts: { error: errorFacts(failure) } })
  }
}
