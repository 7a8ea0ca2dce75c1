// Playbooks are sound, have the parts that a tired person looks for, and name what is wrong in one that is not.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filledIn } from '../../src/domain/playbook.js'
import { preparePlaybook } from '../../src/jobs/run-playbook.js'
import { parsePlaybook, readPlaybooks } from '../../src/restore/playbook-files.js'

const playbooks = readPlaybooks(join(process.cwd(), 'restore-playbooks'))
const PARTS = [
  'When to use',
  'Before you start',
  'Steps',
  'How you know it worked',
  'How to go back',
  'Last drilled',
]

describe.each(playbooks.map(one => [one.name, one] as const))('%s', (_, playbook) => {
  it('has its parts, in order, under its own title', () => {
    const headings = [...playbook.body.matchAll(/^## (.+)$/gm)].map(match => match[1] ?? '')
    expect(headings.filter(one => PARTS.includes(one))).toEqual(PARTS)
    expect(playbook.body.startsWith(`# ${playbook.title}\n`)).toBe(true)
  })
})

it('the disasters that were promised are there', () => {
  const names = playbooks.map(one => one.name)
  for (const name of [
    ...['tenant-in-place', 'tenant-beside', 'some-tables', 'master', 'whole-platform'],
    ...['lost-catalogue', 'lost-or-leaked-key'],
  ])
    expect(names).toContain(name)
})

const page = (front: string) => `---\n${front}\n---\n# t\n`

describe('one that is not sound', () => {
  it.each([
    ['no front matter', '# t\n', 'no YAML'],
    [
      'a step that is not in the list',
      page('title: t\nsteps: [{ do: format-disk, name: a }]'),
      'must be one of preflight',
    ],
    ['a key too many', page('title: t\nsteps: [{ do: notify, name: a, message: m, shell: rm }]'), 'shell'],
    [
      'a parameter nobody gives',
      page('title: t\nsteps: [{ do: notify, name: a, message: "{who}" }]'),
      'parameters.who',
    ],
  ])('%s', (_, text, said) => {
    expect(() => parsePlaybook('x', text)).toThrow(
      expect.objectContaining({ code: 'playbook-invalid', message: expect.stringContaining(said) }),
    )
  })
})

describe('parameters', () => {
  const playbook = parsePlaybook(
    'x',
    page(
      'title: t\nparameters: { a: { about: one }, b: { about: two, default: "{a}" } }\nsteps: [{ do: notify, name: n, message: "{a} {b}" }]',
    ),
  )

  it('are filled in once: a value is never taken for a place', () => {
    const [only] = preparePlaybook(playbook, { a: '{b}' })
    expect(only?.step).toMatchObject({ message: '{b} {a}' })
    expect(filledIn(playbook.steps[0]!, {})).toEqual(playbook.steps[0])
  })

  it('that are missing or foreign are refused before anything is done', () => {
    expect(() => preparePlaybook(playbook, {})).toThrow(
      expect.objectContaining({ code: 'usage', message: 'x needs a' }),
    )
    expect(() => preparePlaybook(playbook, { a: '1', c: '2' })).toThrow(
      expect.objectContaining({ code: 'usage' }),
    )
  })
})
