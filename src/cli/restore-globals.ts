// `restore platform/globals`: the roles that are missing, and which others differ.
import { GLOBALS } from '../domain/subject.js'
import { type GlobalsReport, restoreGlobals } from '../jobs/restore-globals.js'
import type { Desk } from './desk.js'
import { counted, instantText, show, type Terminal } from './output.js'
import { passedOverLines } from './restore-text.js'

export async function restoreRoles(
  desk: Desk,
  terminal: Terminal,
  request: { backup: string; dryRun: boolean },
): Promise<undefined> {
  const { signal } = new AbortController()
  const report = request.dryRun
    ? await restoreGlobals(desk, request, { signal, emit: () => {} })
    : await desk.run({ name: 'restore', subject: GLOBALS }, async context => {
        const result = await restoreGlobals(desk, request, context)
        const facts = { backup: result.manifest.backup, created: result.missing.length }
        return { outcome: 'succeeded', facts, result }
      })
  const { manifest, ...found } = report
  const { backup, instant } = manifest
  show(terminal, { backup, instant, ...found }, () => rolesText(report, request.dryRun))
  return undefined
}

function rolesText(report: GlobalsReport, dryRun: boolean): string {
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
