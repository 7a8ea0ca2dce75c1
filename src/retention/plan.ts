// What to keep and what to remove of one subject, with every reason: pure arithmetic, so that it can be printed and thought about
// before anything is deleted.
import type { KeepRule } from '../domain/retention-policy.js'
import { type Copy, type Decision, type KeepReason, newestFirst, type RemoveReason } from './copy.js'
import { type Judgement, judge } from './rule.js'

/** Under what the copies of one subject are judged. */
export interface Circumstances {
  now: Date
  /** IANA name: days, weeks and months are of its wall clock. */
  zone: string
  /** Kind → rule. A kind without one is kept for ever. */
  keep: Readonly<Partial<Record<string, KeepRule>>>
  /** So many of the newest sound copies are never removed. */
  minimum: number
  /** Null: the subject lives. */
  departed: { since: Date; holdMs: number; keep: KeepRule } | null
  /** Why the subject's last run counts as failed; null: it succeeded. Nothing at all is removed then. */
  lastRunFailed: string | null
}

/** Two machines' clocks may differ by this much before a copy counts as from the future. */
const AHEAD_MS = 10 * 60_000

/**
 * Decides on every copy of one subject. The order of `copies` does not matter; the answer is newest first.
 * Only sound copies count: one that is broken or from the future stands for no period, and pushes none out.
 */
export function planRetention(copies: readonly Copy[], circumstances: Circumstances): Decision[] {
  const sorted = [...copies].sort(newestFirst)
  const counted = sorted.filter(copy => isSound(copy) && !isAhead(copy, circumstances))
  const verdicts = weigh(counted, circumstances)
  const ifHealed = sorted.some(copy => copy.broken === 'damaged')
    ? weigh(
        sorted.filter(copy => copy.broken !== 'unreadable' && !isAhead(copy, circumstances)),
        circumstances,
      )
    : verdicts
  return sorted.map(copy => {
    const found = verdicts.get(copy.id) ?? { keep: [], remove: [] }
    const always = unconditional(copy, circumstances, ifHealed)
    const keep = [...found.keep, ...always]
    const remove: RemoveReason[] =
      copy.broken === 'damaged'
        ? [{ why: 'damaged', detail: 'it is damaged, and would not be kept if it were healed' }]
        : found.remove
    if (keep.length > 0) {
      const free = keep.every(({ why }) => why === 'locked')
      return { copy, verdict: 'keep', reasons: keep, wouldGo: free ? remove : null }
    }
    return { copy, verdict: 'remove', reasons: remove }
  })
}

const isSound = (copy: Copy): boolean => copy.broken === null
const isAhead = (copy: Copy, { now }: Circumstances): boolean =>
  copy.instant.getTime() > now.getTime() + AHEAD_MS

/** The rules, each over the copies of its kind; of a departed subject one rule over all of them. */
function weigh(counted: readonly Copy[], circumstances: Circumstances): Map<string, Judgement> {
  const judgements = new Map<string, Judgement>()
  for (const [kind, group] of groups(counted, circumstances)) {
    const rule = circumstances.departed ? circumstances.departed.keep : circumstances.keep[kind]
    const judged = rule ? judge(rule, group, circumstances) : unruled(kind, group)
    for (const [id, judgement] of judged) judgements.set(id, judgement)
  }
  protect(counted, circumstances, (copy, reason) => judgements.get(copy.id)?.keep.push(reason))
  return judgements
}

function groups(counted: readonly Copy[], { departed }: Circumstances): Map<string, Copy[]> {
  if (departed) return new Map([['departed', [...counted]]])
  const found = new Map<string, Copy[]>()
  for (const copy of counted) {
    const group = found.get(copy.kind)
    if (group) group.push(copy)
    else found.set(copy.kind, [copy])
  }
  return found
}

function unruled(kind: string, group: readonly Copy[]): Map<string, Judgement> {
  const detail = `the policy has no rule for ${kind}`
  return new Map(group.map(copy => [copy.id, { keep: [{ why: 'no-rule', detail }], remove: [] }]))
}

/** What no rule may take away, whatever it says. */
function protect(
  counted: readonly Copy[],
  { minimum }: Circumstances,
  keep: (copy: Copy, reason: KeepReason) => void,
): void {
  const [newest] = counted
  if (newest) keep(newest, { why: 'newest', detail: 'the newest one is never removed' })
  const proven = counted.find(copy => copy.proven)
  if (proven)
    keep(proven, { why: 'newest-proven', detail: 'the newest one that was proven is never removed' })
  for (const [at, copy] of counted.slice(0, minimum).entries()) {
    keep(copy, { why: 'minimum', detail: `one of at least ${minimum}: number ${at + 1}` })
  }
}

/** Reasons that no other copy can take away. */
function unconditional(
  copy: Copy,
  circumstances: Circumstances,
  ifHealed: ReadonlyMap<string, Judgement>,
): KeepReason[] {
  const { departed, lastRunFailed, now } = circumstances
  const reasons: KeepReason[] = []
  if (copy.pin !== null) reasons.push({ why: 'pin', detail: copy.pin })
  if (copy.locked !== null) reasons.push({ why: 'locked', detail: copy.locked })
  if (copy.doubt !== null) reasons.push({ why: 'doubt', detail: copy.doubt })
  if (isAhead(copy, circumstances)) {
    reasons.push({ why: 'future', detail: `its instant is after ${now.toISOString()}: is the clock right?` })
  }
  if (copy.broken === 'unreadable') {
    reasons.push({ why: 'unreadable', detail: 'nobody can tell what it holds; remove it by hand' })
  }
  if (copy.broken === 'damaged' && (ifHealed.get(copy.id)?.keep.length ?? 0) > 0) {
    reasons.push({ why: 'damaged', detail: 'it would be kept if it were healed, and it may be' })
  }
  if (lastRunFailed !== null) reasons.push({ why: 'last-run-failed', detail: lastRunFailed })
  if (departed && now < heldUntil(departed)) {
    const detail = `the database is gone since ${departed.since.toISOString()}; held until ${heldUntil(departed).toISOString()}`
    reasons.push({ why: 'departed-hold', detail })
  }
  return reasons
}

/** When the hold on a departed subject ends. */
export const heldUntil = ({ since, holdMs }: { since: Date; holdMs: number }): Date =>
  new Date(since.getTime() + holdMs)
