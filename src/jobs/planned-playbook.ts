// Whether a playbook that replaces live data may be run over HTTP: what it replaces was typed out, and nobody's approval is gone round.
import type { ApiConfig } from '../domain/configuration.js'
import { Failure } from '../domain/errors.js'
import type { Playbook } from '../domain/playbook.js'
import { assertConfirmed } from './planned-restore.js'
import { preparePlaybook } from './run-playbook.js'

/** @throws Failure usage for wrong parameters; confirmation-missing; approval-missing. */
export function assertMeant(
  playbook: Playbook,
  given: Readonly<Record<string, string>>,
  confirm: string | null,
  approval: ApiConfig['approval'],
): void {
  for (const { step } of preparePlaybook(playbook, given)) {
    if (step.do !== 'restore-in-place') continue
    assertConfirmed(step.tenant, confirm)
    if (approval === 'required')
      throw new Failure(
        'approval-missing',
        `the playbook ${playbook.name} restores ${step.tenant} in place`,
        {
          hint: 'api.approval asks for a second person: make a plan, POST /v1/restores/plans, and have it approved',
        },
      )
  }
}
