// The fuse: a sweep that would remove a lot stops and asks, because a wrong policy looks just like that.
import type { Fuse } from '../domain/retention-policy.js'

export interface PlannedRemoval {
  subject: string
  /** Copies that there are. */
  of: number
  remove: number
}

export interface FuseVerdict {
  /** Subject → why nothing of it may be removed without being asked. */
  refused: ReadonlyMap<string, string>
  /** Why nothing at all may be removed; null: the rest may. */
  all: string | null
  /** How many removals wait for a yes. */
  held: number
}

/** So few removals of one subject never ask: of three copies one is a third. */
const FEW = 2

/** What may not be removed unless somebody says so. */
export function askFuse(plans: readonly PlannedRemoval[], fuse: Fuse): FuseVerdict {
  const refused = new Map<string, string>()
  for (const plan of plans) {
    const why = tooMany(plan, fuse)
    if (why !== null) refused.set(plan.subject, why)
  }
  const [remove, of] = [sum(plans, 'remove'), sum(plans, 'of')]
  const all =
    remove * 3 > of && remove > FEW * plans.length
      ? `${remove} of all ${of} backups would be removed, more than a third`
      : null
  const held = all === null ? plans.filter(plan => refused.has(plan.subject)) : plans
  return { refused, all, held: sum(held, 'remove') }
}

function tooMany({ remove, of }: PlannedRemoval, { percent, backups }: Fuse): string | null {
  if (remove <= FEW) return null
  if (remove > backups) return `${remove} of ${of} backups would be removed, more than ${backups}`
  if (remove * 100 > of * percent)
    return `${remove} of ${of} backups would be removed, more than ${percent} %`
  return null
}

const sum = (plans: readonly PlannedRemoval[], field: 'of' | 'remove'): number =>
  plans.reduce((total, plan) => total + plan[field], 0)
