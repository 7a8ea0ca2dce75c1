// The tenants' section of the status page: one line each, worst first, what is fine cut short.
import { ageText, formatDuration } from '../domain/quantity.js'
import { shellWord } from '../domain/shell-word.js'
import { subjectName } from '../domain/subject.js'
import type { PlatformStatus } from '../jobs/status.js'
import type { SubjectStatus, Trouble } from '../jobs/status-judgement.js'
import { oneLine } from './cells.js'
import { bytesText, counted, failureText, instantText, secondsText } from './output.js'
import { aboutText } from './status-layers.js'
import type { StatusSection } from './status-section.js'
import { table } from './table.js'

const DAY_MS = 86_400_000

type Judged = Pick<PlatformStatus, 'subjects' | 'windows' | 'problems' | 'storedCost'>

/** @param most so many lines at least, and every one that is outside its window. */
export function tenantsSection(status: Judged, most: number, columns: number | null): StatusSection {
  const { subjects, windows, problems } = status
  const outside = subjects.filter(one => one.troubles.length > 0)
  const shown = subjects.slice(0, Math.max(most, outside.length))
  const rest = subjects.length - shown.length
  // What is wrong stands beside the name: a narrow terminal cuts the end of a line.
  const some = shown.some(one => whatIsWrong(one) !== '')
  const headings = ['', 'tenant', ...(some ? ['what'] : []), ...FIGURES]
  const right = ['RPO now', 'RTO', 'broken', 'size', 'in store']
  // What kept us from seeing everything comes before what was seen all the same.
  const lines = problems.map(one => `LOOK AT THIS: ${failureText(one)}`)
  lines.push(
    shown.length === 0
      ? 'nobody is there yet'
      : table(
          headings,
          shown.map(one => row(one, some)),
          { right, columns, spare: ['in store', 'size', 'RTO', 'last backup', 'broken', 'last proof'] },
        ),
  )
  if (rest > 0) lines.push(`and ${rest} more inside every window; --all shows them`)
  const bytes = subjects.reduce((sum, one) => sum + one.storedBytes, 0)
  const { amount, currency } = status.storedCost
  if (bytes > 0) lines.push(`in store: ${bytesText(bytes)}, ${aboutText(amount, currency)} a month`)
  lines.push(...whatToType(subjects))
  const allowed = [windowText('backup', windows.backupMs), windowText('proof', windows.proofMs)].join(', ')
  return {
    title: `${outside.length} of ${counted(subjects.length, 'subject')} outside a window (${allowed})`,
    lines,
  }
}

const windowText = (what: string, ms: number | null): string =>
  ms === null ? `${what}s are not scheduled` : `${what} within ${windowSpan(ms)}`

/** 27h, 7d, 8d 12h. */
function windowSpan(ms: number): string {
  const days = Math.floor(ms / DAY_MS)
  return days > 1 && ms % DAY_MS > 0 ? `${days}d ${formatDuration(ms - days * DAY_MS)}` : formatDuration(ms)
}

type Cure = 'restore' | 'tenants' | 'check' | 'backup' | 'verify'

/** So many names are typed; more than that are all. */
const NAMED = 3

const CURES: Record<Trouble, Cure> = {
  'database gone': 'restore',
  'not backed up': 'tenants',
  'no backup': 'backup',
  'every backup broken': 'check',
  'newest backup broken': 'check',
  'proof failed': 'verify',
  'backup late': 'backup',
  'older backup broken': 'check',
  'proof too old': 'verify',
}

/** For whoever stands outside a window, by what is worst of each: a command that can be typed as it stands. */
function whatToType(subjects: readonly SubjectStatus[]): string[] {
  if (subjects.length > 0 && subjects.every(one => one.latest === null))
    return [
      'no backup is known here: if the store has some, type `gmah-backup catalogue rebuild`; if this is new, `gmah-backup backup`',
    ]
  return (['restore', 'tenants', 'check', 'backup', 'verify'] as const).flatMap(cure => {
    const names = subjects
      .filter(({ troubles: [worst] }) => worst !== undefined && CURES[worst] === cure)
      .map(one => oneLine(shellWord(subjectName(one.subject))))
    if (names.length === 0) return []
    if (cure === 'restore')
      return names.slice(0, NAMED).map(name => `type: gmah-backup restore ${name} --in-place`)
    if (cure === 'tenants') return ['type: gmah-backup tenants']
    if (cure === 'verify') return names.slice(0, NAMED).map(name => `type: gmah-backup verify ${name}`)
    return [`type: gmah-backup ${cure} ${names.length > NAMED ? '' : names.join(' ')}`.trimEnd()]
  })
}

const FIGURES = ['last backup', 'RPO now', 'last proof', 'RTO', 'broken', 'size', 'in store']

function whatIsWrong({ living, leftOut, troubles }: SubjectStatus): string {
  const told = troubles.includes('database gone') || troubles.includes('not backed up')
  const words: string[] = troubles.map(one => (one === 'not backed up' ? `${one}: ${leftOut}` : one))
  if (living === false && !told) words.push(leftOut ? `left out: ${leftOut}` : 'not on the server any more')
  return words.join(', ')
}

function row(one: SubjectStatus, some: boolean): string[] {
  const { newest, provenAtMs, rpoSeconds, expectedSeconds, troubles } = one
  return [
    troubles.length > 0 ? 'BAD' : 'ok',
    subjectName(one.subject),
    ...(some ? [whatIsWrong(one)] : []),
    newest ? at(newest.instantMs) : one.latest === null ? 'never' : 'none is sound',
    rpoSeconds === null ? 'all' : ageText(rpoSeconds),
    provenAtMs === null ? 'never' : at(provenAtMs),
    expectedSeconds === null ? '' : secondsText(expectedSeconds),
    String(one.broken.length),
    newest ? bytesText(newest.bytes) : '',
    bytesText(one.storedBytes),
  ]
}

const at = (ms: number): string => instantText(new Date(ms).toISOString())
