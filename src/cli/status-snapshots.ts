// The servers' snapshots on the status page: the newest one of each, or that the layer is off and why.
import type { SnapshotFacts } from '../domain/snapshot-events.js'
import { instantText } from './output.js'
import type { StatusSection } from './status-section.js'
import { table } from './table.js'

/** @param newest null: there is no token. */
export function snapshotsSection(
  newest: readonly SnapshotFacts[] | null,
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
    `${one.sizeGb} GB`,
    one.costPerMonth === null ? '' : `${one.costPerMonth.toFixed(2)} ${one.currency ?? ''}`.trim(),
  ])
  const headings = ['server', 'newest', 'made', 'size', 'a month, net']
  return {
    title: 'server snapshots',
    lines: rows.length === 0 ? ['none yet'] : [table(headings, rows, { right: ['size'], columns })],
    outside: false,
    json: newest,
  }
}
