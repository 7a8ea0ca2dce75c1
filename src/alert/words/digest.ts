// The week in one letter: who is protected, what was proven, what it costs, what needs a human, and the nights a tenant. Pure.
import { type AlertsConfig, type Incident, monthlyCost, SEVERITIES } from '../../domain/alerts.js'
import type { SubjectId } from '../../domain/subject.js'
import { subjectName } from '../../domain/subject.js'
import type { Letter, LetterTable } from '../letter.js'
import type { Memory, SubjectMemory } from '../memory.js'
import { lateSubjects, type Sighting } from '../rules/standing-rules.js'
import { instant, type Speaker, titleOf, WORDS } from './write-letter.js'

export interface DigestFacts {
  memory: Memory
  seen: Sighting
  open: readonly Incident[]
  /** Stored in all. */
  storedBytes: number
  /** What the next sweep would delete, one line a subject; null when nothing sweeps. */
  deletions: readonly string[] | null
  now: Date
  price: AlertsConfig['digest']
}

const DAY_MS = 86_400_000
const NIGHTS = 30
const WEEK = 7
/** A mail of five hundred rows of thirty cells is cut off by the readers that matter; the worst come first. */
const TENANTS_SHOWN = 100
const GB = 1e9

export function writeDigest(facts: DigestFacts, speaker: Speaker): Letter {
  const words = WORDS[speaker.language]
  const { digest } = words
  const subjects = present(facts.memory)
  const needing = facts.open.filter(one => !one.momentary).toSorted(worstFirst)
  const late = lateSubjects(facts.memory, facts.seen, facts.now).length
  const severity = late > 0 ? 'critical' : needing.length > 0 ? 'warning' : 'info'
  return {
    ...{ incident: null, kind: 'digest', link: null, severity: severity },
    title: `[${speaker.name}] ${digest.title}${words.colon} ${digest.labels.protected} ${digest.ofAll(subjects.length - late, subjects.length)}`,
    thread: digest.title,
    facts: figures(facts, subjects, late, speaker),
    lines: needing.map(one => ({
      name: one.id,
      text: `${one.severity === 'critical' ? `${words.severities.critical}${words.colon} ` : ''}${titleOf(one, speaker.language)}`,
      hint: `${words.labels.since} ${instant(one.openedAt)}`,
    })),
    more: subjects.length > TENANTS_SHOWN ? words.notNamed(subjects.length - TENANTS_SHOWN) : '',
    meaning: digest.meaning,
    next: needing.length > 0 ? ['gmah-backup alert list'] : [],
    footer: words.test.footer(speaker.name),
    table: nightTable(subjects.slice(0, TENANTS_SHOWN), facts.now, speaker),
  }
}

const worstFirst = (a: Incident, b: Incident): number =>
  SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) || a.openedAt.localeCompare(b.openedAt)

type Named = [id: SubjectId, one: SubjectMemory]

/** Those on the server, the oldest last backup first. */
function present(memory: Memory): Named[] {
  return (Object.entries(memory.subjects) as Named[])
    .filter(([, one]) => !one.gone)
    .sort(([a, x], [b, y]) => (x.lastBackupAt ?? '').localeCompare(y.lastBackupAt ?? '') || (a < b ? -1 : 1))
}

function figures(
  { memory, open, storedBytes, deletions, now, price }: DigestFacts,
  subjects: readonly Named[],
  late: number,
  speaker: Speaker,
): [string, string][] {
  const { labels, ofAll, proofs, nothing, never } = WORDS[speaker.language].digest
  const week = daysBefore(now, WEEK).map(day => memory.days[day])
  const sum = (read: (day: Memory['days'][string]) => number): number =>
    week.reduce((total, day) => total + (day ? read(day) : 0), 0)
  const proven = subjects.map(([, one]) => one.lastProofAt ?? '').sort()
  const cost = monthlyCost(storedBytes, price)
  const at = (iso: string | null | undefined): string => (iso ? instant(iso) : never)
  return [
    [labels.protected, ofAll(subjects.length - late, subjects.length)],
    [
      labels.worst,
      subjects[0] ? `${subjectName(subjects[0][0])}, ${at(subjects[0][1].lastBackupAt)}` : never,
    ],
    [
      labels.proofs,
      proofs(
        sum(day => day.proofs),
        sum(day => day.failedProofs),
      ),
    ],
    [labels.oldestProof, at(proven[0])],
    [labels.restores, String(sum(day => day.restores))],
    [labels.growth, size(sum(day => day.newBytes))],
    [labels.storage, size(storedBytes)],
    [labels.cost, `${cost.toFixed(2)} ${price.currency}`],
    [labels.deletions, deletions && deletions.length > 0 ? deletions.join('; ') : nothing],
    [
      labels.open,
      open.some(one => !one.momentary) ? String(open.filter(one => !one.momentary).length) : nothing,
    ],
  ]
}

function nightTable(subjects: readonly Named[], now: Date, speaker: Speaker): LetterTable {
  const { tenant, nights, last, proof, never } = WORDS[speaker.language].digest
  const days = daysBefore(now, NIGHTS)
  const at = (iso: string | null) => ({ text: iso ? instant(iso) : never })
  return {
    head: [tenant, nights, last, proof],
    rows: subjects.map(([id, one]) => [
      { text: subjectName(id) },
      ...days.map(day => ({ text: '', tone: toneOf(one.nights[day]) })),
      at(one.lastBackupAt),
      at(one.lastProofAt),
    ]),
  }
}

const toneOf = (night: string | undefined) => (night === 'ok' ? 'good' : night === 'failed' ? 'bad' : 'none')

/** UTC dates, oldest first, today's last. */
function daysBefore(now: Date, count: number): string[] {
  return Array.from({ length: count }, (_, at) =>
    new Date(now.getTime() - (count - 1 - at) * DAY_MS).toISOString().slice(0, 10),
  )
}

function size(bytes: number): string {
  return bytes >= GB ? `${(bytes / GB).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`
}
