// The servers' snapshots on the status page: the newest one of each, or that the layer is off and why.
import type { SnapshotFacts } from '../domain/snapshot-events.js'
import { instantText, secondsText } from './output.js'
import type { StatusSection } from './status-section.js'
import { ageText } from './status-tenants.js'
import { table } from './table.js'

/** @param newest null: there is no token. */
export function snapshotsSection(
  newest: readonly SnapshotFacts[] | null,
  now: Date,
  columns: number | null,
): StatusSection {
  if (newest === null) {
    const lines = ['off: no hetzner.token_file in the configuration; right for a VPS that is not at Hetzner']
    return { title: 'server snapshots', lines, outside: false, json: { off: 'no hetzner.token_file' } }
  }
  const rows = newest.map(one => [
    one.server,
    String(one.image),
    instantText(one.created),
    ageText(Math.max(0, (now.getTime() - Date.parse(one.created)) / 1000)),
    `${one.sizeGb} GB`,
    one.costPerMonth === null ? '' : `${one.costPerMonth.toFixed(2)} ${one.currency ?? ''}`.trim(),
    secondsText(one.durationMs / 1000),
  ])
  const headings = ['server', 'newest', 'made', 'age', 'size', 'a month, net', 'took']
  return {
    title: 'server snapshots',
    lines: rows.length === 0 ? ['none yet'] : [table(headings, rows, { right: ['size'], columns })],
    outside: false,
    json: newest,
  }
}
