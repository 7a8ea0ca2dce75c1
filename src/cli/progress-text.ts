// What is said of a subject while it is backed up or restored, and when that ends: a line, short enough for 80 columns.
import { type Failure, isStop } from '../domain/errors.js'
import type { Manifest } from '../domain/manifest.js'
import { subjectName } from '../domain/subject.js'
import type { Progress, Restored } from '../jobs/parts.js'
import { oneLine } from './cells.js'
import { bytesText, counted, failureText, instantText, secondsText } from './output.js'

/** acme: 120 345 rows, 28.5 MB in 0.4 s (71.2 MB/s); 1.2 MB new, 27.3 MB reused */
export function backupLine(manifest: Manifest): string {
  const { bytes } = manifest.stream
  const seconds = manifest.durations.totalSeconds ?? 0
  const rows = manifest.dump?.tables.reduce((sum, one) => sum + one.rows, 0)
  const content = rows === undefined ? '' : `${counted(rows, 'row')}, `
  const speed = seconds > 0 ? ` (${bytesText(bytes / seconds)}/s)` : ''
  const name = oneLine(subjectName(manifest.subject))
  return `${name}: ${content}${bytesText(bytes)} in ${secondsText(seconds)}${speed}; ${storedText(manifest.stored)}`
}

/** acme: 120 345 rows, 28.5 MB loaded and proven in 4.2 s, as of 2026-11-23 01:30:00Z */
export function restoredLine({ manifest, proof, loadSeconds }: Restored): string {
  const name = oneLine(subjectName(manifest.subject))
  const content = `${counted(proof.rows, 'row')}, ${bytesText(manifest.stream.bytes)}`
  return `${name}: ${content} loaded and proven in ${secondsText(loadSeconds)}, as of ${instantText(manifest.instant)}`
}

function storedText({ newBytes, reusedBytes }: Manifest['stored']): string {
  if (newBytes === 0) return 'nothing new'
  return reusedBytes === 0 ? 'all new' : `${bytesText(newBytes)} new, ${bytesText(reusedBytes)} reused`
}

/** acme: what, why and what to do. An interruption is the whole run's, which tells of it. */
export const failedText = (subject: string, failure: Failure): string =>
  isStop(failure) ? `${oneLine(subject)}: ${failure.code}` : `${oneLine(subject)}: ${failureText(failure)}`

const PHASES = {
  dump: 'dumping',
  load: 'loading',
  prove: 'proving',
  read: 'reading',
  export: 'writing',
  archive: 'archiving',
} as const

/** dumping 12.3 MB, 8.10 MB/s, 4.00 MB new, 8.30 MB reused */
export function progressText(progress: Progress, seconds: number): string {
  const { phase, bytes, of, newBytes, reusedBytes } = progress
  const share = of ? ` of ${bytesText(of)} (${Math.min(100, Math.floor((100 * bytes) / of))} %)` : ''
  const speed = seconds > 0.5 ? `, ${bytesText(bytes / seconds)}/s` : ''
  const kept =
    newBytes === undefined ? '' : `, ${bytesText(newBytes)} new, ${bytesText(reusedBytes ?? 0)} reused`
  return `${PHASES[phase]} ${bytesText(bytes)}${share}${speed}${kept}`
}
