// What a check found, for a person: a line a subject while it goes on, then what is wrong and what to type.
import type { CheckFacts } from '../domain/backup-events.js'
import { shellWord } from '../domain/shell-word.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import type { CheckReport, SubjectCheck } from '../jobs/check-report.js'
import { oneLine } from './cells.js'
import { bytesText, counted, failureText, instantText } from './output.js'

/** Lines a subject about single objects; the rest of them are known by their number. */
const TOLD = 5

const named = (subject: SubjectId): string => oneLine(subjectName(subject))

/** ok      acme: 14 backups, 3 210 chunks, 1.20 GB; read back 120 chunks, 98.0 MB */
export function checkLine(subject: SubjectId, found: CheckFacts): string {
  const { backups, chunks, storedBytes, readChunks, readBytes, damaged, broken, problems } = found
  const there = `${counted(backups, 'backup')}, ${counted(chunks, 'chunk')}, ${bytesText(storedBytes)}`
  const read = readChunks > 0 ? `; read back ${counted(readChunks, 'chunk')}, ${bytesText(readBytes)}` : ''
  const sound = damaged + broken.length + problems.length === 0
  return `${sound ? 'ok     ' : 'DAMAGED'} ${named(subject)}: ${there}${read}`
}

export function checkText(report: CheckReport): string {
  const lines = report.checked.flatMap(subjectLines)
  for (const { subject, failure } of report.failed)
    lines.push(`NOT CHECKED ${named(subject)}: ${failureText(failure)}`)
  lines.push(...some(report.gone.map(goneLine)))
  if (report.gone.length > 0)
    lines.push(
      '  hint: nobody here removed them: look for lifecycle rules of the bucket, tokens that may delete, another machine that sweeps',
    )
  return [...lines, ...coverageLines(report), totalLine(report)].join('\n')
}

function subjectLines(check: SubjectCheck): string[] {
  const { subject, damaged, stillDamaged, unneeded, healed, broken, problems } = check
  const name = named(subject)
  const lines = problems.map(
    ({ message, code, hint }) => `LOOK AT THIS: ${oneLine(message)} [${code}]\n  hint: ${hint}`,
  )
  if (healed.length > 0)
    lines.push(
      `healed  ${name}: ${counted(healed.length, 'chunk')} that ${healed.length === 1 ? 'was' : 'were'} damaged`,
    )
  lines.push(...some(damaged.map(({ key, kind, message }) => `DAMAGED ${key}: ${kind}: ${oneLine(message)}`)))
  if (stillDamaged > 0) lines.push(`DAMAGED ${name}: ${counted(stillDamaged, 'chunk')} found before`)
  if (unneeded.length > 0)
    lines.push(
      `note    ${name}: ${counted(unneeded.length, 'bad chunk')} that no backup needs; no dump will rely on ${unneeded.length === 1 ? 'it' : 'them'}`,
    )
  lines.push(
    ...some(broken.map(({ backup, message }) => `BROKEN  ${name}: backup ${backup}: ${oneLine(message)}`)),
  )
  if (damaged.length + stillDamaged > 0) {
    const word = shellWord(subjectName(subject))
    lines.push(
      `  hint: type \`gmah-backup backup ${word}\`: it stores again what the live database still has`,
      '        a backup that is still broken after that stays so; those that are not named here are whole',
    )
  }
  return lines
}

const goneLine = ({ subject, id, instant }: CheckReport['gone'][number]): string =>
  `GONE    ${named(subject)}: backup ${id} of ${instantText(instant)} is in the store no more`

const some = (lines: string[]): string[] =>
  lines.length <= TOLD
    ? lines
    : [...lines.slice(0, TOLD), `        … and ${lines.length - TOLD} more; --json has all`]

function coverageLines({ coverage, short }: CheckReport): string[] {
  const lines: string[] = []
  if (coverage) {
    const since = coverage.wholeSince
      ? `; all that was stored on ${instantText(coverage.wholeSince)} has been read back since`
      : ''
    lines.push(`rotation: ${coverage.percent} % of this round${since}`)
  }
  if (coverage?.nightsNeeded)
    lines.push(
      `LOOK AT THIS: with this budget a round takes ${coverage.nightsNeeded} nights, not ${coverage.nights}`,
    )
  else if (short) lines.push('the budget kept some of it from being read back')
  return lines
}

function totalLine({ checked, failed, gone }: CheckReport): string {
  const sum = (of: (check: SubjectCheck) => number) => checked.reduce((total, one) => total + of(one), 0)
  const damaged = sum(one => one.damaged.length + one.stillDamaged)
  const what = [
    `${counted(checked.length, 'subject')}, ${counted(
      sum(one => one.backups),
      'backup',
    )} checked`,
    damaged > 0 ? counted(damaged, 'damaged chunk') : 'no damage',
    ...(sum(one => one.broken.length) > 0
      ? [
          counted(
            sum(one => one.broken.length),
            'broken backup',
          ),
        ]
      : []),
    ...(gone.length > 0 ? [`${counted(gone.length, 'backup')} gone`] : []),
    ...(failed.length > 0 ? [`${failed.length} not checked`] : []),
  ]
  return what.join('; ')
}

export function checkJson({ checked, failed, gone, short, coverage }: CheckReport) {
  return {
    checked,
    failed: failed.map(({ subject, failure: { code, message, hint } }) => ({ subject, code, message, hint })),
    gone,
    short,
    coverage,
  }
}
