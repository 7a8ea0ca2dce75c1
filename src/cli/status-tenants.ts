// The tenants' section of the status page: one line each, worst first, what is fine cut short.
import { ageText, formatDuration } from '../domain/quantity.js'
import { subjectName } from '../domain/subject.js'
import type { PlatformStatus } from '../jobs/status.js'
import type { SubjectStatus } from '../jobs/status-judgement.js'
import { bytesText, counted, failureText, instantText, secondsText } from './output.js'
import { aboutText } from './status-layers.js'
import type { StatusSection } from './status-section.js'
import { table } from './table.js'

type Judged = Pick<PlatformStatus, 'subjects' | 'windows' | 'problems' | 'storedCost'>

/** @param most so many lines at least, and every one that is outside its window. */
export function tenantsSection(status: Judged, most: number, columns: number | null): StatusSection {
  const { subjects, windows, problems } = status
  const outside = subjects.filter(one => one.troubles.length > 0)
  const shown = subjects.slice(0, Math.max(most, outside.length))
  const rest = subjects.length - shown.length
  const headings = [
    '',
    'tenant',
    'last backup',
    'RPO now',
    'last proof',
    'RTO',
    'broken',
    'size',
    'in store',
    '',
  ]
  const right = ['RPO now', 'RTO', 'broken', 'size', 'in store']
  const lines =
    shown.length === 0 ? ['nobody is there yet'] : [table(headings, shown.map(row), { right, columns })]
  if (rest > 0) lines.push(`and ${rest} more inside every window; --all shows them`)
  lines.push(...problems.map(one => `LOOK AT THIS: ${failureText(one)}`))
  const bytes = subjects.reduce((sum, one) => sum + one.storedBytes, 0)
  const { amount, currency } = status.storedCost
  if (bytes > 0) lines.push(`in store: ${bytesText(bytes)}, ${aboutText(amount, currency)} a month`)
  const allowed = [windowText('backup', windows.backupMs), windowText('proof', windows.proofMs)].join(', ')
  return {
    title: `${outside.length} of ${counted(subjects.length, 'subject')} outside a window (${allowed})`,
    lines,
  }
}

const windowText = (what: string, ms: number | null): string =>
  ms === null ? `${what}s are not scheduled` : `${what} within ${formatDuration(ms)}`

function row(one: SubjectStatus): string[] {
  const { newest, provenAtMs, rpoSeconds, expectedSeconds, living, troubles } = one
  const gone = living === false ? ['not on the server any more'] : []
  return [
    troubles.length > 0 ? 'BAD' : 'ok',
    subjectName(one.subject),
    newest ? at(newest.instantMs) : one.latest === null ? 'never' : 'none is sound',
    rpoSeconds === null ? 'all' : ageText(rpoSeconds),
    provenAtMs === null ? 'never' : at(provenAtMs),
    expectedSeconds === null ? '' : secondsText(expectedSeconds),
    String(one.broken.length),
    newest ? bytesText(newest.bytes) : '',
    bytesText(one.storedBytes),
    [...troubles, ...gone].join(', '),
  ]
}

const at = (ms: number): string => instantText(new Date(ms).toISOString())
