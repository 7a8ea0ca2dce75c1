// Snapshots and archives on the status page: the newest ones with their age, size and cost, the next ones, or why there are none.
import { ageText } from '../domain/quantity.js'
import { subjectName } from '../domain/subject.js'
import type { ArchiveLayer, SnapshotLayer } from '../jobs/status-layers.js'
import { bytesText, counted, instantText, secondsText } from './output.js'
import type { StatusSection } from './status-section.js'
import { table } from './table.js'

/** So many tenants are named. */
const NAMED = 5

export function snapshotsSection(layer: SnapshotLayer, now: Date, columns: number | null): StatusSection {
  const rows = layer.servers.map(one => [
    one.server,
    String(one.image),
    instantText(one.created),
    ageSince(new Date(one.created), now),
    `${one.sizeGb} GB`,
    one.costPerMonth === null ? '?' : costText(one.costPerMonth, one.currency ?? ''),
    secondsText(one.durationMs / 1000),
  ])
  const headings = ['server', 'newest', 'made', 'age', 'size', 'a month, net', 'took']
  const right = ['age', 'size', 'a month, net']
  return {
    title: titleOf('server snapshots', layer),
    lines: rows.length > 0 ? [table(headings, rows, { right, columns })] : noneYet(layer.off, 'snapshot'),
  }
}

export function archivesSection(layer: ArchiveLayer, now: Date, columns: number | null): StatusSection {
  const { newest, without, off } = layer
  const title = titleOf('monthly archives', layer)
  if (!newest) return { title, lines: noneYet(off, 'archive') }
  const { month, at, subjects, bytes, missingFiles, costPerMonth, currency } = newest
  const row = [
    ...[month, instantText(at.toISOString()), ageSince(at, now), String(subjects), bytesText(bytes)],
    ...[
      costText(costPerMonth, currency),
      missingFiles === 0 ? '' : `${counted(missingFiles, 'file')} missing`,
    ],
  ]
  const headings = ['newest', 'made', 'age', 'tenants', 'size', 'a month', '']
  const right = ['age', 'tenants', 'size', 'a month']
  return { title, lines: [table(headings, [row], { right, columns }), ...withoutText(without, month)] }
}

const titleOf = (what: string, { off, next }: { off: string | null; next: Date | null }): string =>
  off === null ? `${what}, next ${next ? instantText(next.toISOString()) : 'never'}` : `${what}: off, ${off}`

/** A layer that is off says why in its title. */
const noneYet = (off: string | null, noun: string): string[] =>
  off === null ? [`none yet; \`gmah-backup ${noun} create\` makes one now`] : []

function withoutText(without: ArchiveLayer['without'], month: string): string[] {
  if (without.length === 0) return []
  const more = without.length > NAMED ? ` and ${without.length - NAMED} more` : ''
  return [`without one of ${month}: ${without.slice(0, NAMED).map(subjectName).join(', ')}${more}`]
}

const ageSince = (then: Date, now: Date): string =>
  ageText(Math.max(0, now.getTime() - then.getTime()) / 1000)

/** What costs less than a cent still costs something. */
const costText = (amount: number, currency: string): string =>
  `${amount > 0 && amount < 0.01 ? '< 0.01' : amount.toFixed(2)} ${currency}`.trim()

/** The same within a sentence. */
export const aboutText = (amount: number, currency: string): string =>
  amount < 0.01 ? `less than 0.01 ${currency}` : `about ${costText(amount, currency)}`
