// The one message that belongs to no incident that could be kept: the alerts themselves cannot work.
import type { Incident } from '../../domain/alerts.js'
import type { Failure } from '../../domain/errors.js'
import { redactText } from '../../domain/redact.js'
import type { Letter } from '../letter.js'
import { type Speaker, writeLetter } from './write-letter.js'

export function shout({ code, message, hint }: Failure, now: Date, speaker: Speaker): Letter {
  const at = now.toISOString()
  const detail = `${redactText(message)} [${code}]`
  const incident: Incident = {
    ...{ id: 'alerts', rule: 'alerts-broken', cause: code, severity: 'critical', momentary: true, run: null },
    members: [{ scope: speaker.name, subject: null, since: at, endedAt: null, detail, hint }],
    ...{ openedAt: at, closedAt: null, toldAt: null, lastToldAt: null, toldMembers: 0, toldSeverity: null },
    acked: null,
  }
  return { ...writeLetter(incident, 'happened', speaker), incident: null }
}
