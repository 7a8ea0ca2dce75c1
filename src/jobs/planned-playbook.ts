// Whether a playbook that replaces live data may be run over HTTP: what it replaces was typed out.
import type { Playbook } from '../domain/playbook.js'
import { assertConfirmed } from './planned-restore.js'
import { preparePlaybook } from './run-playbook.js'

/** @throws Failure usage for wrong parameters; confirmation-missing. */
export function assertMeant(
  playbook: Playbook,
  given: Readonly<Record<string, string>>,
  confirm: string | null,
): void {
  for (const { step } of preparePlaybook(playbook, given))
    if (step.do === 'restore-in-place') assertConfirmed(step.tenant, confirm)
}
