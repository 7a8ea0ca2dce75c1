// A tenant that lost most of its rows overnight: the backup is sound, and what it holds may be the end of a disaster.
import type { StoredEvent } from '../../domain/events.js'
import type { Memory, Size } from '../memory.js'
import { clear, raise, type Sign } from './signs.js'

/** Less than this part of what was usual is told. */
const SHARP = 0.5
const DISASTROUS = 0.1
/** So many backups make a history. */
const ENOUGH = 3
/** Small tables halve for small reasons. */
const MANY_ROWS = 1000
const MANY_BYTES = 1024 * 1024

/** Compares a new backup with the median of those before it. */
export function shrinkage(event: Extract<StoredEvent, { type: 'backup-committed' }>, memory: Memory): Sign[] {
  const { subject, facts } = event
  const history = subject ? (memory.subjects[subject]?.sizes ?? []) : []
  if (!subject || history.length < ENOUGH) return []
  const usual = usualSize(history)
  const rows = usual.rows >= MANY_ROWS ? facts.rows / usual.rows : 1
  const bytes = usual.bytes >= MANY_BYTES ? facts.streamBytes / usual.bytes : 1
  const part = Math.min(rows, bytes)
  if (part >= SHARP) return [clear('backup-shrunk', subject)]
  const detail =
    rows <= bytes ? `rows: ${usual.rows} → ${facts.rows}` : `bytes: ${usual.bytes} → ${facts.streamBytes}`
  return [raise('backup-shrunk', event, { detail, severity: part < DISASTROUS ? 'critical' : 'warning' })]
}

function usualSize(history: readonly Size[]): Size {
  return { rows: median(history.map(one => one.rows)), bytes: median(history.map(one => one.bytes)) }
}

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
