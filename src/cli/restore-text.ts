// Restores in words: what one would do, and what one did.
import { keptRun } from '../domain/restore-names.js'
import { subjectName } from '../domain/subject.js'
import type { PassedOver } from '../jobs/choose-backup.js'
import type { InPlaceTold } from '../jobs/errands-restore.js'
import type { SwapOutcome } from '../jobs/in-place-report.js'
import type { RestorePlan, Younger } from '../jobs/restore-plan.js'
import type { KeptEntry } from '../jobs/sweep-kept.js'
import { bytesText, counted, countText, instantText, millisecondsText, secondsText } from './output.js'
import { table } from './table.js'

const TABLES_SHOWN = 8
const CLIENTS_SHOWN = 8

/** Everything a person needs to say yes or no. */
export function planText(plan: RestorePlan): string {
  const { backup, live, expected, disk, versions } = plan
  const rows: [string, string][] = [
    [plan.inPlace ? 'in place' : plan.intoSchema === null ? 'beside' : 'into', targetText(plan)],
    [
      'backup',
      `${backup.backup} (${backup.kind}) as of ${instantText(backup.instant)}, ${secondsText(backup.ageSeconds)} old`,
    ],
    ...(plan.archive === null ? [] : [['archive', plan.archive] as [string, string]]),
    ...plan.passedOver.map((one): [string, string] => ['broken', passedOverText(one)]),
    ...(plan.gapSeconds === null
      ? []
      : [['gap', `${secondsText(plan.gapSeconds)} before what was asked`] as [string, string]]),
    ...holdsRows(plan),
    ['takes', `about ${secondsText(expected.seconds + expected.safetyCopySeconds)} (${basisText(plan)})`],
    ['now', live ? `${bytesText(live.bytes)}, ${clientsText(plan)}` : 'the database is gone'],
    ...youngerRows(plan.younger, plan.inPlace),
    ...(live?.changes ?? []).map((one): [string, string] => [
      'changes',
      `${one.name}: ${one.now} now, ${one.backup} in the backup`,
    ]),
    ['server', `PostgreSQL ${versions.server}; the backup is of ${versions.backup}`],
    ['disk', `about ${bytesText(disk.neededBytes)} needed, ${freeText(disk.freeBytes)}`],
    ...(plan.missingRoles.length > 0
      ? [['roles', `missing: ${plan.missingRoles.join(', ')}`] as [string, string]]
      : []),
    ...plan.problems.map((one): [string, string] => ['STOP', `${one.message} [${one.code}]; ${one.hint}`]),
  ]
  return table(['restore', subjectName(plan.subject)], rows)
}

const targetText = ({ database, intoSchema }: RestorePlan): string =>
  intoSchema === null ? database : `a new schema ${intoSchema} of ${database}`

function holdsRows({ backup, part }: RestorePlan): [string, string][] {
  const whole = `${counted(backup.tables, 'table')}, ${counted(backup.rows, 'row')}, ${bytesText(backup.bytes)}`
  if (!part) return [['holds', whole]]
  const names = part.tables.slice(0, TABLES_SHOWN).map(one => `${one.schema}.${one.name}`)
  const more = part.tables.length - names.length
  return [
    ['tables', `${names.join(', ')}${more > 0 ? ` and ${counted(more, 'more table')}` : ''}`],
    ['holds', `${counted(part.rows, 'row')}, ${bytesText(part.bytes)}, of ${whole}`],
    ['fetches', `about ${bytesText(part.fetchedBytes)} of ${bytesText(backup.storedBytes)}`],
  ]
}

const passedOverText = (one: PassedOver): string =>
  `${one.backup} of ${instantText(one.instant)} is passed over: ${one.message} [${one.code}]`

function basisText({ expected }: RestorePlan): string {
  const { basis, samples, safetyCopySeconds } = expected
  const copy = safetyCopySeconds > 0 ? `, ${secondsText(safetyCopySeconds)} of it for the safety copy` : ''
  return `${basis === 'nothing' ? 'a guess: nothing was measured yet' : `from ${counted(samples, basis.replace(/s$/, ''))}`}${copy}`
}

function clientsText({ live, inPlace }: RestorePlan): string {
  const clients = live?.connections ?? []
  const count = clients.reduce((sum, one) => sum + one.count, 0)
  if (count === 0) return 'nobody is connected'
  const who = clients
    .slice(0, CLIENTS_SHOWN)
    .map(one => `${one.count} ${one.user}/${one.application || one.client}`)
  return `${counted(count, 'connection')}${inPlace ? ', which will be ended' : ''} (${who.join(', ')})`
}

function youngerRows({ seconds, walBytes, tables }: Younger, inPlace: boolean): [string, string][] {
  const what = inPlace ? 'set aside' : 'younger'
  const wal = walBytes === null ? '' : `; the whole server wrote ${bytesText(walBytes)} since`
  const rows: [string, string][] = [[what, `what was written in the last ${secondsText(seconds)}${wal}`]]
  const rowsText = (count: number | null): string => (count === null ? 'not there' : countText(count))
  for (const one of (tables ?? []).slice(0, TABLES_SHOWN)) {
    rows.push([
      '',
      `${one.schema}.${one.name}: about ${rowsText(one.now)} now, ${rowsText(one.backup)} in the backup`,
    ])
  }
  const more = (tables?.length ?? 0) - TABLES_SHOWN
  if (more > 0) rows.push(['', `and ${counted(more, 'more table')}`])
  return rows
}

const freeText = (free: number | null): string =>
  free === null ? 'free is not known' : `${bytesText(free)} free`

export function proofLines(proof: InPlaceTold['proof']): string[] {
  const lines = [
    `proven: ${counted(proof.tables, 'table')}, ${counted(proof.rows, 'row')}, ${bytesText(proof.bytes)} are equal to the backup`,
  ]
  if (proof.reordered > 0)
    lines.push(`${counted(proof.reordered, 'table')} with the same rows in another physical order`)
  if (!proof.schemaCompared) lines.push('definitions were not compared: the server has another major version')
  return lines
}

export const passedOverLines = (all: readonly PassedOver[]): string[] =>
  all.map(one => `LOOK AT THIS: ${passedOverText(one)}`)

export function inPlaceText(report: InPlaceTold): string {
  const { manifest, database, safetyCopy, createdRoles, proof, passedOver } = report
  return [
    `${database} holds ${subjectName(manifest.subject)} as of ${instantText(manifest.instant)} (backup ${manifest.backup})`,
    ...passedOverLines(passedOver),
    ...proofLines(proof),
    ...(createdRoles.length > 0 ? [`created roles: ${createdRoles.join(', ')}`] : []),
    ...(safetyCopy ? [`safety copy of what was there: backup ${safetyCopy.backup}`] : []),
    ...swapLines(report),
  ].join('\n')
}

export function swapLines({
  downtimeMs,
  pausedMs,
  endedConnections,
  kept,
  keptUntil,
  poolerProblem,
}: SwapOutcome) {
  const run = kept === null ? null : keptRun(kept)
  return [
    ...(downtimeMs === null
      ? []
      : [
          `connections were refused for ${millisecondsText(downtimeMs)}; ${counted(endedConnections, 'connection')} ended`,
        ]),
    ...(pausedMs === null ? [] : [`PgBouncer held its clients for ${millisecondsText(pausedMs)}`]),
    ...(poolerProblem
      ? [`LOOK AT THIS: ${poolerProblem.message} [${poolerProblem.code}]\n  hint: ${poolerProblem.hint}`]
      : []),
    ...(kept === null ? [] : [`what was there: ${kept}, kept until ${instantText(keptUntil ?? '')}`]),
    ...(run === null ? [] : [`take it back:   gmah-backup restore undo ${run}`]),
  ]
}

export function keptText(verdicts: readonly KeptEntry[]): string {
  if (verdicts.length === 0) return 'no database is put aside'
  const rows = verdicts.map(({ kept, drop, reason }) => [
    kept.run,
    kept.subject ? subjectName(kept.subject) : '',
    kept.since ? instantText(kept.since.toISOString()) : 'unknown',
    bytesText(kept.bytes),
    kept.database,
    `${drop ? 'to be dropped' : 'stays'}: ${reason}`,
  ])
  const total = verdicts.reduce((sum, one) => sum + one.kept.bytes, 0)
  const headings = ['run', 'tenant', 'since', 'size', 'database', '']
  return `${table(headings, rows, { right: ['size'] })}\n${counted(verdicts.length, 'database')}, ${bytesText(total)}; bring one back: gmah-backup restore undo RUN`
}
