// When an incident is told: once when it begins, again on a schedule, once when it is over. Flips, not floods. Pure.
import type { AlertsConfig, Incident, Mute, QuietHours } from '../domain/alerts.js'
import { SEVERITIES } from '../domain/alerts.js'
import type { RunId } from '../domain/ids.js'
import { localOf } from '../domain/zone.js'
import { isOver, openMembers } from './incidents.js'

/** Why a message is sent: it began, more joined or it got worse, it goes on, it is over, it happened. */
export type NoticeKind = 'opened' | 'grown' | 'reminder' | 'over' | 'happened'

export interface Moment {
  now: Date
  config: Pick<AlertsConfig, 'gatherMs' | 'quietHours' | 'reminderMs'>
  mutes: readonly Mute[]
  /** True while more of the same may come: the run that told of it goes on. */
  running(run: RunId): boolean
}

const MINUTE_MS = 60_000
const DAY_MINUTES = 24 * 60

/** The incident as it is after this moment, and what is told of it now, if anything. */
export function tell(incident: Incident, moment: Moment): { incident: Incident; notice: NoticeKind | null } {
  const closed: Incident = { ...incident, closedAt: moment.now.toISOString() }
  if (isOver(incident, moment.now)) {
    // What was over before anybody heard of it is nobody's news.
    if (incident.toldAt === null || isMuted(incident, moment)) return { incident: closed, notice: null }
    if (mustWait(incident, moment)) return { incident, notice: null }
    return { incident: closed, notice: 'over' }
  }
  if (isMuted(incident, moment) || mustWait(incident, moment)) return { incident, notice: null }
  const notice = noticeOf(incident, moment)
  if (!notice) return { incident, notice: null }
  const at = moment.now.toISOString()
  const told: Incident = {
    ...(incident.momentary ? closed : incident),
    toldAt: incident.toldAt ?? at,
    lastToldAt: at,
    toldMembers: openMembers(incident).length,
    toldSeverity: incident.severity,
    // More than was acknowledged is not acknowledged.
    acked: notice === 'grown' ? null : incident.acked,
  }
  return { incident: told, notice }
}

function noticeOf(incident: Incident, moment: Moment): NoticeKind | null {
  if (incident.toldAt === null) {
    if (!isGathered(incident, moment)) return null
    return incident.momentary ? 'happened' : 'opened'
  }
  const settled = incident.run === null || !moment.running(incident.run)
  const more = openMembers(incident).length > incident.toldMembers
  if (settled && (more || isWorse(incident))) return 'grown'
  if (incident.severity === 'info' || incident.acked) return null
  const often = moment.config.reminderMs[incident.severity]
  return hasPassed(incident.lastToldAt ?? incident.toldAt, often, moment.now) ? 'reminder' : null
}

const isWorse = ({ severity, toldSeverity }: Incident): boolean =>
  toldSeverity !== null && SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(toldSeverity)

/** While its run goes on, more of the same may come, but nobody waits longer than they asked to. */
function isGathered(incident: Incident, { now, config, running }: Moment): boolean {
  if (incident.run === null || !running(incident.run)) return true
  return hasPassed(incident.openedAt, config.gatherMs, now)
}

/** So long ago, or so far ahead that it was written under a wrong clock. A clock put back an hour is neither. */
const hasPassed = (instant: string, ms: number, now: Date): boolean =>
  Math.abs(now.getTime() - Date.parse(instant)) >= ms

function mustWait({ severity }: Incident, { now, config }: Moment): boolean {
  return severity !== 'critical' && config.quietHours !== null && isQuiet(config.quietHours, now)
}

function isQuiet({ from, to, timeZone }: QuietHours, now: Date): boolean {
  const local = Math.floor(localOf(timeZone, now.getTime()) / MINUTE_MS) % DAY_MINUTES
  return from <= to ? local >= from && local < to : local >= from || local < to
}

function isMuted(incident: Incident, { mutes, now }: Pick<Moment, 'mutes' | 'now'>): boolean {
  return mutes.some(
    ({ target, until }) =>
      (target === incident.id || target === incident.rule) && Date.parse(until) > now.getTime(),
  )
}
