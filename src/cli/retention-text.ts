// Plans and sweeps, for a person: why each backup stays or goes, and what was done.
import { shellWord } from '../domain/shell-word.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import type { SweepReport } from '../jobs/sweep-store.js'
import type { RetentionView, SubjectView } from '../jobs/view-retention.js'
import { oneLine, wrapped } from './cells.js'
import { bytesText, counted, failureText, instantText } from './output.js'
import { table } from './table.js'

export function viewText({ subjects, problems, verdict }: RetentionView, columns: number | null): string {
  const parts = subjects.map(view => subjectText(view, columns))
  parts.push(...problems.map(({ subject, failure }) => `${name(subject)}: ${failureText(failure)}`))
  const remove = subjects.reduce((sum, one) => sum + one.remove, 0)
  const freed = subjects.reduce((sum, one) => sum + one.freedBytes, 0)
  parts.push(`${counted(remove, 'backup')} would be removed, ${bytesText(freed)} free after the grace`)
  if (verdict.held > 0) {
    const why = verdict.all ?? [...verdict.refused.values()][0] ?? ''
    parts.push(
      `a sweep will ask first: ${why}\n  hint: type \`gmah-backup sweep --yes-remove ${verdict.held}\` if that is what you want`,
    )
  }
  return parts.join('\n\n')
}

function subjectText(view: SubjectView, columns: number | null): string {
  const rows = view.decisions.map(({ copy, verdict, reasons }) => [
    copy.id,
    instantText(copy.instant.toISOString()),
    copy.kind,
    verdict,
    reasons.map(({ why, detail }) => `${why} (${withInstants(detail)})`).join('; '),
  ])
  const next = view.nextRemoval ? instantText(view.nextRemoval.toISOString()).slice(0, 10) : 'none in sight'
  const locked = view.decisions.filter(one => one.verdict === 'keep' && one.wouldGo !== null).length
  const counts = [
    counted(view.decisions.length, 'backup'),
    `${view.remove} to remove`,
    ...(locked > 0 ? [`${locked} that only a bucket lock keeps`] : []),
    `${bytesText(view.freedBytes)} to free`,
  ]
  const head = `${name(view.subject)}: ${counts.join(', ')}; next removal: ${next}`
  const warning = view.protectedBecause
    ? [`  no chunk will be deleted: ${oneLine(view.protectedBecause)}`]
    : []
  return [head, ...warning, columns === null ? table(HEADINGS, rows) : withReasonsBelow(rows, columns)].join(
    '\n',
  )
}

const HEADINGS = ['backup', 'instant', 'kind', '', 'why']

/** On a terminal no reason is cut off: they stand below their backup, over as many lines as they take. */
function withReasonsBelow(rows: readonly string[][], columns: number): string {
  const [headings, ...lines] = table(
    HEADINGS.slice(0, -1),
    rows.map(cells => cells.slice(0, -1)),
    { columns },
  ).split('\n')
  const below = lines.flatMap((line, at) => [line, ...wrapped(rows[at]?.at(-1) ?? '', columns, '    ')])
  return [headings, ...below].join('\n')
}

const withInstants = (detail: string): string =>
  detail.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, instantText)

export function viewJson({ subjects, problems, verdict }: RetentionView) {
  return {
    subjects: subjects.map(({ decisions, ...view }) => ({
      ...view,
      backups: decisions.map(({ copy, verdict: decided, reasons }) => ({
        backup: copy.id,
        instant: copy.instant,
        kind: copy.kind,
        verdict: decided,
        reasons,
      })),
    })),
    problems: problems.map(({ subject, failure: { code, message, hint } }) => ({
      subject,
      code,
      message,
      hint,
    })),
    asks: verdict.held,
    refused: verdict.all === null ? Object.fromEntries(verdict.refused) : { all: verdict.all },
  }
}

export function sweepText({ swept, failed, refused, held, unknown, untidied }: SweepReport): string {
  const lines = swept
    .filter(one => one.removed.length > 0 || (one.chunks?.removed ?? 0) > 0 || one.locked > 0 || !one.chunks)
    .map(one => {
      const chunks = one.chunks
        ? `${counted(one.chunks.removed, 'chunk')} (${bytesText(one.chunks.removedBytes)}) removed, ${one.chunks.waiting} waiting`
        : 'no chunk removed: a manifest cannot be opened, see `gmah-backup retention plan`'
      const locked = one.locked > 0 ? `, ${one.locked} locked until the bucket lets go` : ''
      return `${name(one.subject)}: ${counted(one.removed.length, 'backup')} removed, ${chunks}${locked}`
    })
  lines.push(...failed.map(({ subject, failure }) => `FAILED ${name(subject)}: ${failureText(failure)}`))
  lines.push(...refused.map(({ subject, why }) => `ASKS FIRST ${name(subject)}: ${why}`))
  if (unknown !== null) lines.push(`NOTHING REMOVED: ${unknown}`)
  if (held > 0) lines.push(`  hint: type \`gmah-backup sweep --yes-remove ${held}\` if that is what you want`)
  lines.push(...untidied.map(failure => `NOT TIDIED UP: ${failureText(failure)}`))
  const removed = swept.reduce((sum, one) => sum + one.removed.length, 0)
  const bytes = swept.reduce((sum, one) => sum + (one.chunks?.removedBytes ?? 0), 0)
  lines.push(`${counted(removed, 'backup')} removed, ${bytesText(bytes)} freed, ${failed.length} failed`)
  return lines.join('\n')
}

export function sweepJson({ swept, failed, refused, held, unknown, untidied }: SweepReport) {
  return {
    swept,
    failed: failed.map(({ subject, failure: { code, message, hint } }) => ({ subject, code, message, hint })),
    refused,
    held,
    unknown,
    untidied: untidied.map(({ code, message, hint }) => ({ code, message, hint })),
  }
}

const name = (subject: SubjectId): string => oneLine(shellWord(subjectName(subject)))
