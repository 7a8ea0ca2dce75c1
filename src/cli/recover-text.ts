// What a recovery says in the end: what is back and how old it is, what is not and why, and what to do next.
import { shellWord } from '../domain/shell-word.js'
import { subjectName } from '../domain/subject.js'
import type { RecoveryReport } from '../jobs/recover-platform.js'
import { oneLine } from './cells.js'
import { bytesText, counted, failureText, instantText, secondsText } from './output.js'
import { table } from './table.js'

/** @param config the configuration that the recovery ran on; what follows needs it too. */
export function recoveryText(report: RecoveryReport, config: string | undefined): string {
  const { roles, recovered, there, failed, problems, seconds } = report
  const with_ = config === undefined ? '' : ` --config ${shellWord(config)}`
  const rows = recovered.reduce((sum, one) => sum + one.report.proof.rows, 0)
  return [
    ...(recovered.length > 0 ? [recoveredTable(report), ''] : []),
    recovered.length > 0
      ? `recovered ${counted(recovered.length, 'database')} in ${secondsText(seconds)}, ${counted(rows, 'row')}, every table proven; ${counted(roles.length, 'role')} made`
      : `recovered nothing: ${counted(there.length, 'database')} there already, ${failed.length} failed`,
    ...there.map(one => `left as it was: ${oneLine(one.database)} (it was there already)`),
    ...failed.map(one => `NOT RECOVERED: ${oneLine(subjectName(one.subject))}: ${failureText(one.failure)}`),
    ...problems.map(one => `cannot be used: ${one.key}: ${one.message} [${one.code}]`),
    failed.length > 0
      ? `then type the same command again: what is back is left alone (\`gmah-backup${with_} runs\` tells more)`
      : recovered.length === 0
        ? 'nothing was changed: to put one tenant back, type `gmah-backup restore TENANT --in-place`'
        : `what came after each instant is lost: tell the tenants; then set the daemon up (README), and back up at once`,
  ].join('\n')
}

function recoveredTable({ recovered }: RecoveryReport): string {
  const cells = recovered.map(({ report: { manifest, database, proof, loadSeconds }, gapSeconds }) => [
    oneLine(database),
    instantText(manifest.instant),
    secondsText(gapSeconds),
    String(proof.tables),
    bytesText(manifest.stream.bytes),
    secondsText(loadSeconds),
  ])
  return table(['database', 'as of', 'gap', 'tables', 'size', 'took'], cells)
}

export function recoveryJson({ roles, recovered, there, failed, problems, seconds }: RecoveryReport) {
  return {
    roles,
    recovered: recovered.map(({ report, gapSeconds }) => ({
      subject: report.manifest.subject,
      database: report.database,
      backup: report.manifest.backup,
      instant: report.manifest.instant,
      gapSeconds: Math.round(gapSeconds),
      loadSeconds: report.loadSeconds,
      passedOver: report.passedOver,
      proof: report.proof,
    })),
    there,
    failed: failed.map(({ subject, failure: { code, message, hint } }) => ({ subject, code, message, hint })),
    problems,
    seconds,
  }
}
