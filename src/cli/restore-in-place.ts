// `restore <tenant> --in-place`: the plan is shown, the tenant's name is typed, then it happens.
import { EXIT, Failure } from '../domain/errors.js'
import type { SubjectId } from '../domain/subject.js'
import { subjectName } from '../domain/subject.js'
import { type InPlaceTold, RESTORE_IN_PLACE } from '../jobs/errands-restore.js'
import type { InPlaceRequest } from '../jobs/in-place-report.js'
import { PLAN_RESTORE } from '../jobs/question.js'
import { confirmTenant } from './confirm.js'
import type { Desk } from './desk.js'
import { show, type Terminal } from './output.js'
import { watched } from './progress.js'
import { inPlaceText, planText } from './restore-text.js'

export interface InPlaceOptions {
  withRoles?: true
  yesRestore?: string
  withoutSafetyCopy?: true
  why?: string
}

/** @returns partial when the data is restored, but PgBouncer did not do as it was told. */
export async function replaceLive(
  desk: Desk,
  terminal: Terminal,
  asked: { subject: SubjectId; backup: string; withRoles: boolean },
  options: InPlaceOptions,
): Promise<number | undefined> {
  const request: InPlaceRequest = { ...asked, withoutSafetyCopy: reasonFor(options) }
  const plan = await desk.question(PLAN_RESTORE, { ...asked, database: null })
  if (!terminal.json) terminal.err(planText(plan))
  await confirmTenant(terminal, subjectName(asked.subject), options.yesRestore)
  const report = await watched(terminal, desk.clock, watch =>
    desk.errand(RESTORE_IN_PLACE, { ...request, confirm: subjectName(asked.subject) }, watch),
  )
  show(terminal, inPlaceJson(report), () => inPlaceText(report))
  return report.poolerProblem ? EXIT.partial : undefined
}

function reasonFor({ withoutSafetyCopy, why }: InPlaceOptions): string | null {
  if (withoutSafetyCopy && why?.trim()) return why.trim()
  if (!withoutSafetyCopy && why === undefined) return null
  throw new Failure('usage', '--without-safety-copy and --why go together', {
    hint: 'say why with --why <reason>; it is kept in the journal',
  })
}

function inPlaceJson({ manifest, safetyCopy, ...report }: InPlaceTold) {
  const { subject, backup, instant } = manifest
  return { subject, backup, instant, safetyCopy: safetyCopy?.backup ?? null, ...report }
}
