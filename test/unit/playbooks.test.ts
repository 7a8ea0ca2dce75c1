// Playbooks are sound, have the parts that a tired person looks for, and name what is wrong in one that is not.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filledIn } from '../../src/domain/playbook.js'
import { playedBackups } from '../../src/jobs/known-at-once.js'
import type { Parts } from '../../src/jobs/parts.js'
import { assertMeant, replacedTenants } from '../../src/jobs/planned-playbook.js'
import { approvedFirst, preparePlaybook } from '../../src/jobs/run-playbook.js'
import { parsePlaybook, readPlaybooks } from '../../src/restore/playbook-files.js'
import { memoryStore } from '../kit/memory-store.js'

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
    ...['lost-catalogue', 'lost-or-leaked-key', 'vps-from-snapshot'],
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

it('a backup that is not there refuses a playbook at once, unless a step before may make it', async () => {
  const step = 'do: restore-beside, name: r, tenant: a, database: b, backup: "0123456789ab"'
  const known = (steps: string) => {
    const parts = { catalogue: { list: () => [] }, repository: { store: memoryStore() } } as unknown as Parts
    const playbook = parsePlaybook('x', page(`title: t\nsteps: [${steps}]`))
    return playedBackups(playbook, {})(parts, new AbortController().signal)
  }
  await expect(known(`{ ${step} }`)).rejects.toMatchObject({ code: 'backup-unknown' })
  await known(`{ do: backup, name: m, tenant: a }, { ${step} }`)
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

describe('what replaces live data', () => {
  const playbook = parsePlaybook(
    'two',
    page(`title: t
parameters: { a: { about: one } }
steps:
  - { do: restore-in-place, name: n, tenant: "{a}" }
  - { do: restore-in-place, name: again, tenant: "{a}" }
  - { do: restore-in-place, name: m, tenant: globex }`),
  )
  const set = { a: 'acme' }

  it('is meant when each name was typed', () => {
    expect(replacedTenants(playbook, set)).toEqual(['acme', 'globex'])
    expect(() => assertMeant(playbook, set, ['globex', 'acme'])).not.toThrow()
  })

  it.each([
    [[], 'of acme, of globex: acme, globex was not typed'],
    [['acme'], 'globex was not typed'],
    [['acme', 'globex', 'initech'], 'not of initech'],
  ])('is not by %j', (typed, said) => {
    expect(() => assertMeant(playbook, set, typed)).toThrow(
      expect.objectContaining({
        code: 'confirmation-missing',
        message: expect.stringContaining(said),
        hint: expect.stringContaining('["acme","globex"]'),
      }),
    )
  })

  it('is asked of a second person as a whole', () => {
    const [wait] = approvedFirst(preparePlaybook(playbook, set))
    expect(wait?.step).toMatchObject({ question: expect.stringContaining('May acme, globex be restored') })
  })
})
