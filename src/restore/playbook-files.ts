// Reads playbooks: Markdown with YAML in front. One that is not sound is named with everything that is wrong in it.
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Failure } from '../domain/errors.js'
import { type Playbook, playbookSchema, strangers } from '../domain/playbook.js'
import { type Problem, problemsOf } from '../domain/problem.js'
import { listFiles } from '../sys/list-files.js'
import { parseYaml } from '../sys/yaml.js'

const FRONT = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/

/** Every playbook of a folder, by name. @throws Failure playbook-invalid. */
export const readPlaybooks = (folder: string): Playbook[] =>
  listFiles(folder, '.md').map(file =>
    parsePlaybook(basename(file, '.md'), readFileSync(join(folder, file), 'utf8')),
  )

/** @throws Failure playbook-invalid with every problem in `facts.problems`. */
export function parsePlaybook(name: string, source: string): Playbook {
  const [, front, body = ''] = FRONT.exec(source) ?? []
  if (front === undefined) throw invalid(name, [problem('', 'has no YAML between --- lines in front', name)])
  const yaml = parseYaml(front, `${name}.md`, {})
  const parsed = playbookSchema.safeParse(yaml.data ?? {}, { reportInput: true })
  const hint = () => 'see restore-playbooks/tenant-in-place.md for an example'
  if (!parsed.success) {
    const earlier = yaml.problems
    throw invalid(name, [
      ...earlier,
      ...problemsOf(parsed.error, { schema: playbookSchema, at: yaml.at, hint, earlier }),
    ])
  }
  const unknown = strangers(parsed.data).map(one =>
    problem(`parameters.${one}`, 'is used in a step and is no parameter', name),
  )
  if (unknown.length > 0) throw invalid(name, unknown)
  return { name, body: body.trim(), ...parsed.data }
}

const problem = (path: string, message: string, name: string): Problem => ({
  path,
  message,
  hint: 'see restore-playbooks/tenant-in-place.md for an example',
  at: `${name}.md:1:1`,
  code: 'config-invalid',
})

function invalid(name: string, problems: Problem[]): Failure {
  const [first] = problems
  const what = [first?.path, first?.message].filter(Boolean).join(' ')
  return new Failure('playbook-invalid', `the playbook ${name}: ${what}`, { facts: { problems } })
}
