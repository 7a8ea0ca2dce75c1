// Whether a playbook that replaces live data may be run: the name of each tenant that it replaces was typed out.
import { Failure } from '../domain/errors.js'
import type { Playbook } from '../domain/playbook.js'
import { preparePlaybook } from './run-playbook.js'

/** The tenants whose live databases it would replace, each once. @throws Failure usage for wrong parameters. */
export function replacedTenants(playbook: Playbook, given: Readonly<Record<string, string>>): string[] {
  const steps = preparePlaybook(playbook, given).map(({ step }) => step)
  return [...new Set(steps.flatMap(step => (step.do === 'restore-in-place' ? [step.tenant] : [])))]
}

/** @throws Failure usage for wrong parameters; confirmation-missing unless these and no other names were typed. */
export function assertMeant(
  playbook: Playbook,
  given: Readonly<Record<string, string>>,
  typed: readonly string[],
): void {
  const tenants = replacedTenants(playbook, given)
  const missing = tenants.filter(tenant => !typed.includes(tenant))
  const foreign = typed.filter(name => !tenants.includes(name))
  const [wrong] = [...missing, ...foreign]
  if (wrong === undefined) return
  const replaces = tenants.length === 0 ? 'no live database' : `the live database of ${tenants.join(', of ')}`
  const said = missing.length > 0 ? `${missing.join(', ')} was not typed` : `not of ${wrong}, which was typed`
  throw new Failure('confirmation-missing', `${playbook.name} replaces ${replaces}: ${said}`, {
    hint: `give the name of each tenant that is replaced, typed out, as \`confirm\`: ${JSON.stringify(tenants)}`,
  })
}
