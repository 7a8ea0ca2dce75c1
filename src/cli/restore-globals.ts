// `restore platform/globals`: the roles that are missing, and which others differ.
import { type Briefly, RESTORE_GLOBALS } from '../jobs/errands-restore.js'
import { ROLES } from '../jobs/question.js'
import type { GlobalsReport } from '../jobs/restore-globals.js'
import type { Desk } from './desk.js'
import { counted, instantText, show, type Terminal } from './output.js'
import { passedOverLines } from './restore-text.js'

export async function restoreRoles(
  desk: Desk,
  terminal: Terminal,
  request: { backup: string; dryRun: boolean },
): Promise<undefined> {
  const { backup: asked, dryRun } = request
  const report = dryRun
    ? await desk.question(ROLES, { backup: asked })
    : await desk.errand(RESTORE_GLOBALS, { backup: asked })
  const { manifest, ...found } = report
  const { backup, instant } = manifest
  show(terminal, { backup, instant, ...found }, () => rolesText(report, dryRun))
  return undefined
}

function rolesText(report: Briefly<GlobalsReport>, dryRun: boolean): string {
  const { manifest, passedOver, missing, different, onlyHere, equal } = report
  const made = dryRun ? 'would be created' : 'created'
  return [
    `roles as of ${instantText(manifest.instant)} (backup ${manifest.backup})`,
    ...passedOverLines(passedOver),
    missing.length === 0
      ? 'none is missing'
      : `${counted(missing.length, 'role')} ${made}: ${missing.join(', ')}`,
    `${counted(equal, 'role')} equal to the backup`,
    ...(different.length > 0 ? [`left as they are, though they differ: ${different.join(', ')}`] : []),
    ...(onlyHere.length > 0 ? [`left as they are, not in the backup: ${onlyHere.join(', ')}`] : []),
  ].join('\n')
}
