// What restores in place have put aside, on the status page: it takes the server's disk until its days are over.
import { type KeptDatabase, keptDatabases } from '../jobs/kept-databases.js'
import type { Parts } from '../jobs/parts.js'
import { bytesText, counted, instantText } from './output.js'
import type { StatusSection } from './status-section.js'

/** Null when the server cannot be asked: the tenants' section says so. */
export const keptNow = (parts: Parts, signal: AbortSignal): Promise<KeptDatabase[] | null> =>
  keptDatabases(parts, { signal }).catch(() => null)

export function keptSection(kept: readonly KeptDatabase[] | null): StatusSection {
  const title = 'put aside by restores in place'
  if (kept === null)
    return { title, lines: ['not known: the server cannot be asked'], outside: false, json: null }
  const bytes = kept.reduce((sum, one) => sum + one.bytes, 0)
  const days = kept.flatMap(({ until }) => (until ? [until.toISOString()] : [])).sort()
  const next = days[0] ? `; the first of them until ${instantText(days[0])}` : ''
  const lines =
    kept.length === 0
      ? ['nothing']
      : [`${counted(kept.length, 'database')}, ${bytesText(bytes)}${next}; \`gmah-backup restore list\``]
  return {
    title,
    lines,
    outside: false,
    json: { databases: kept.length, bytes, firstUntil: days[0] ?? null },
  }
}
