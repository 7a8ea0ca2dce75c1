// What a rule says: that something began, that it is over, or that something happened. Incidents are made of these.
import type { Severity } from '../../domain/alerts.js'
import type { ErrorFacts } from '../../domain/error-facts.js'
import type { StoredEvent } from '../../domain/events.js'
import type { RunId } from '../../domain/ids.js'
import type { SubjectId } from '../../domain/subject.js'
import type { RuleId } from './rule-table.js'

/** Something wrong, or something that happened. */
export interface Trouble {
  rule: RuleId
  /** What joins it with others into one incident: an error's code, a job's name. */
  cause: string
  /** Unique within its rule: the same scope again is the same trouble, or once more what happens and does not last. */
  scope: string
  subject: SubjectId | null
  since: string
  detail: string
  hint: string
  /** The run that it was seen in: while that goes on, more of the same may come. */
  run: RunId | null
  /** Instead of the rule's own. */
  severity?: Severity
}

export type Sign =
  | { do: 'raise'; trouble: Trouble }
  /** Over: one scope, or all scopes of the rule that were not raised in `exceptRun`. */
  | { do: 'clear'; rule: RuleId; scope: string }
  | { do: 'clear-unseen'; rule: RuleId; exceptRun: RunId | null }

type Details = Partial<Pick<Trouble, 'cause' | 'scope' | 'hint' | 'severity'>> & { detail: string }

/** A trouble as an event tells it: about the event's subject, in the event's run, since the event. */
export function raise(rule: RuleId, event: StoredEvent, details: Details): Sign {
  const { subject, run, at } = event
  const { cause = rule, scope = subject ?? cause, hint = '', detail, severity } = details
  const trouble: Trouble = { rule, cause, scope, subject, since: at, detail, hint, run }
  return { do: 'raise', trouble: severity === undefined ? trouble : { ...trouble, severity } }
}

export const clear = (rule: RuleId, scope: string): Sign => ({ do: 'clear', rule, scope })

/** An error as details: its code joins those that failed of the same. */
export const ofError = ({ code, message, hint }: ErrorFacts): Details & { cause: string; hint: string } => ({
  cause: code,
  detail: `${message} [${code}]`,
  hint,
})
