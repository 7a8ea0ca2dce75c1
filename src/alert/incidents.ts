// From troubles to incidents: one an open cause, its members the subjects that have it. It stays one until the last is over.
import type { Incident, IncidentMember, Severity } from '../domain/alerts.js'
import { SEVERITIES } from '../domain/alerts.js'
import { RULES, type RuleId } from './rules/rule-table.js'
import type { Trouble } from './rules/signs.js'

export interface Reconciled {
  /** Every incident that is not closed, and those that closed just now. */
  incidents: Incident[]
  /** Ids of those that are not as they were. */
  changed: Set<string>
}

/** Away for less, a trouble that flickers is not over. */
const SETTLE_MS = 10 * 60_000

/**
 * Joins what stands wrong and what happened with the open incidents. A scope that is in an open incident of its rule stays
 * there, whatever its cause has become: one beginning, one end.
 */
export function reconcile(
  open: readonly Incident[],
  now: Date,
  { lasting, happened }: { lasting: readonly Trouble[]; happened: readonly Trouble[] },
  newId: () => string,
): Reconciled {
  const board = new Board(open, now, newId)
  for (const one of lasting) board.put(one)
  for (const one of happened) board.put(one)
  board.end(new Set(lasting.map(one => `${one.rule} ${one.scope}`)))
  return { incidents: board.incidents, changed: board.changed }
}

export const openMembers = (incident: Incident): IncidentMember[] =>
  incident.members.filter(one => incident.momentary || one.endedAt === null)

/** Nothing of it is left, and has not been for as long as its rule wants. */
export function isOver(incident: Incident, now: Date): boolean {
  if (incident.momentary || incident.members.some(one => one.endedAt === null)) return false
  if (!RULES[incident.rule as RuleId]?.flickers) return true
  const last = Math.max(...incident.members.map(one => Date.parse(one.endedAt ?? '')))
  // A clock that was put back must not keep it open.
  return Math.abs(now.getTime() - last) >= SETTLE_MS
}

class Board {
  readonly incidents: Incident[]
  readonly changed = new Set<string>()
  readonly #now: string
  readonly #newId: () => string

  constructor(open: readonly Incident[], now: Date, newId: () => string) {
    this.incidents = [...open]
    this.#now = now.toISOString()
    this.#newId = newId
  }

  put(trouble: Trouble): void {
    const incident = this.#placeFor(trouble)
    // What happened twice is told twice; what lasts is one thing, whatever is said of it now.
    const before = incident.members.find(
      one => one.scope === trouble.scope && (!incident.momentary || one.detail === trouble.detail),
    )
    const member = this.#member(trouble, before)
    const severity = worse(trouble.severity ?? RULES[trouble.rule].severity, incident.severity)
    if (before && same(before, member) && severity === incident.severity) return
    const members = before
      ? incident.members.map(one => (one === before ? member : one))
      : [...incident.members, member]
    this.#replace({ ...incident, severity, members, run: trouble.run ?? incident.run })
  }

  /** Ends what does not stand any more. */
  end(standing: ReadonlySet<string>): void {
    for (const incident of this.incidents.filter(one => !one.momentary)) {
      const over = (one: IncidentMember) =>
        one.endedAt === null && !standing.has(`${incident.rule} ${one.scope}`)
      if (!incident.members.some(over)) continue
      const members = incident.members.map(one => (over(one) ? { ...one, endedAt: this.#now } : one))
      this.#replace({ ...incident, members })
    }
  }

  #placeFor({ rule, cause, scope, severity, run }: Trouble): Incident {
    const ofRule = this.incidents.filter(one => one.rule === rule && one.closedAt === null)
    const found =
      ofRule.find(one => one.members.some(member => member.scope === scope)) ??
      ofRule.find(one => one.cause === cause)
    if (found) return found
    const incident: Incident = {
      ...{ id: this.#newId(), rule, cause, members: [], run },
      severity: severity ?? RULES[rule].severity,
      momentary: RULES[rule].momentary,
      openedAt: this.#now,
      ...{ closedAt: null, toldAt: null, lastToldAt: null, toldMembers: 0, toldSeverity: null, acked: null },
    }
    this.incidents.push(incident)
    this.changed.add(incident.id)
    return incident
  }

  #member({ scope, subject, since, detail, hint }: Trouble, before?: IncidentMember): IncidentMember {
    const began = before && before.endedAt === null ? before.since : since
    return { scope, subject, since: began, endedAt: null, detail, hint }
  }

  #replace(incident: Incident): void {
    const at = this.incidents.findIndex(one => one.id === incident.id)
    this.incidents[at] = incident
    this.changed.add(incident.id)
  }
}

function same(a: IncidentMember, b: IncidentMember): boolean {
  return a.since === b.since && a.endedAt === b.endedAt && a.detail === b.detail && a.hint === b.hint
}

const worse = (a: Severity, b: Severity): Severity => (SEVERITIES.indexOf(a) > SEVERITIES.indexOf(b) ? a : b)
