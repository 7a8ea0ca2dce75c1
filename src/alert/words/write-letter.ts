// An incident as a letter: what happened, since when, what it means for recovery, what to type next.
import type { AlertsConfig, ChannelConfig, Incident, IncidentMember, Language } from '../../domain/alerts.js'
import { redactText } from '../../domain/redact.js'
import { shellWord } from '../../domain/shell-word.js'
import { subjectName } from '../../domain/subject.js'
import { openMembers } from '../incidents.js'
import type { Letter, LetterKind, LetterLine } from '../letter.js'
import type { RuleId } from '../rules/rule-table.js'
import { ENGLISH } from './english.js'
import { FRENCH } from './french.js'
import { fill, type RuleWords, type Words } from './words.js'

export const WORDS: Record<Language, Words> = { en: ENGLISH, fr: FRENCH }

export type Speaker = Pick<AlertsConfig, 'language' | 'runLink'> & { name: string }
/** Named in a title, and in the body. */
const NAMED = 3
const LISTED = 30

/** What a channel may hear of an incident: all of it, the members that are its tenants', or nothing (null). */
export function heardBy(channel: Pick<ChannelConfig, 'tenants'>, incident: Incident): Incident | null {
  const { tenants } = channel
  if (tenants === null) return incident
  const members = incident.members.filter(
    ({ subject }) => subject?.startsWith('tenants/') && tenants.includes(subjectName(subject)),
  )
  return members.length === 0 ? null : { ...incident, members }
}

/** The incident in one line, without installation and severity. */
export function titleOf(incident: Incident, language: Language): string {
  return fill(WORDS[language].rules[incident.rule as RuleId].title, gapsOf(incident, WORDS[language]))
}

export function writeLetter(incident: Incident, kind: LetterKind, speaker: Speaker): Letter {
  const words = WORDS[speaker.language]
  const { meaning, next, line } = words.rules[incident.rule as RuleId] as RuleWords
  const gaps = gapsOf(incident, words)
  const over = kind === 'over'
  const members = shown(incident)
  const lines = withoutEchoes(members.slice(0, LISTED).map(one => lineOf(one, line)))
  const title = titleOf(incident, speaker.language)
  return {
    incident: incident.id,
    kind,
    severity: over ? 'info' : incident.severity,
    title: `[${speaker.name}] ${over ? '' : `${words.severities[incident.severity]}${words.colon} `}${words.kinds[kind]}${title}`,
    thread: title,
    facts: factsOf(incident, members, words, over),
    // What was to be done is done.
    lines: over ? lines.map(one => ({ ...one, hint: '' })) : lines,
    more: members.length > LISTED ? words.notNamed(members.length - LISTED) : '',
    meaning: over ? words.overMeaning : meaning,
    next: over ? [] : [...new Set(next.map(one => fill(one, gaps)))],
    link:
      incident.run && speaker.runLink
        ? { text: `${words.theRun} ${incident.run}`, url: speaker.runLink + incident.run }
        : null,
    footer: words.footer(incident.id, speaker.name, !over && !incident.momentary),
  }
}

/** What is open; when nothing is left of it, all that it was. */
function shown(incident: Incident): IncidentMember[] {
  const open = openMembers(incident)
  return open.length > 0 ? open : incident.members
}

function gapsOf(incident: Incident, words: Words): Record<string, string> {
  const members = shown(incident)
  const names = [...new Set(members.map(nameOf))]
  const who =
    names.length > NAMED
      ? words.andMore(names.slice(0, NAMED).join(', '), names.length - NAMED)
      : names.join(', ')
  const subjects = new Set(members.flatMap(({ subject }) => subject ?? []))
  const typed = [...subjects].map(subject => shellWord(subjectName(subject)))
  return {
    who,
    first: members[0]?.subject ? (typed[0] ?? '') : '',
    each: typed.length > NAMED ? '' : typed.join(' '),
    scope: members[0]?.scope ?? '',
    cause: incident.cause,
    run: incident.run ?? '',
    details: members.map(one => one.detail).join(', '),
  }
}

const nameOf = ({ subject, scope }: IncidentMember): string => (subject ? subjectName(subject) : scope)

const lineOf = (member: IncidentMember, words = '{detail}'): LetterLine => ({
  name: nameOf(member),
  text: fill(words, { detail: redactText(member.detail).replace(INSTANT, instant) }),
  hint: redactText(member.hint),
})

/** Two hundred tenants that fail of the same need its hint once, below the last of them. */
const withoutEchoes = (lines: readonly LetterLine[]): LetterLine[] =>
  lines.map((line, at) => (line.hint === lines[at + 1]?.hint ? { ...line, hint: '' } : line))

function factsOf(
  incident: Incident,
  members: readonly IncidentMember[],
  words: Words,
  over: boolean,
): [string, string][] {
  const { labels } = words
  const since = members.map(one => one.since).sort()[0] ?? incident.openedAt
  const ended =
    members
      .map(one => one.endedAt ?? '')
      .sort()
      .at(-1) ?? ''
  return [
    [labels.since, instant(since)],
    ...(over && ended ? [[labels.until, instant(ended)] as [string, string]] : []),
    ...(members.length > 1 ? [[labels.subjects, String(members.length)] as [string, string]] : []),
    [labels.severity, words.severities[incident.severity]],
    ...(incident.run ? [[labels.run, incident.run] as [string, string]] : []),
    ...(incident.acked ? [[labels.acked, incident.acked.by] as [string, string]] : []),
  ]
}

const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g

/** `2026-11-25 01:30Z`: one clock for all, whoever reads it where. */
export const instant = (iso: string): string => `${iso.slice(0, 16).replace('T', ' ')}Z`
