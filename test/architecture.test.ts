// The laws of the code (DESIGN: layout and import law), held against every source, and against offenders made for the purpose.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ERRORS } from '../src/domain/errors.js'
import * as laws from './kit/architecture/laws.js'
import { readSource } from './kit/architecture/source.js'
import { readModule, unsaid, unusedExports } from './kit/architecture/vocabulary.js'
import { projectRoot } from './kit/platform/scripts.js'

const root = projectRoot()
/** Neither .git nor what .gitignore leaves out; read from the folder, so that no git is needed. */
const ignored = ['.git', ...readFileSync(join(root, '.gitignore'), 'utf8').split('\n')]
  .map(line => line.trim().replace(/\/$/, ''))
  .filter(line => line !== '')
const isIgnored = (name: string): boolean =>
  ignored.some(rule => (rule.startsWith('*') ? name.endsWith(rule.slice(1)) : name === rule))

/** Every file's path from the root. */
function files(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(entry => !isIgnored(entry.name))
    .flatMap(entry => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      return entry.isDirectory() ? files(path) : [path]
    })
}
const paths = files('')

const texts = paths
  .filter(path => /^(src|test|bench)\/.*\.ts$/.test(path) && !/\.(as|d)\.ts$/.test(path))
  .map(path => [path, readFileSync(join(root, path), 'utf8')] as const)
const sources = texts.map(([path, text]) => readSource(path, text))
const modules = texts.map(([path, text]) => readModule(path, text))
const ours = modules.filter(({ path }) => path.startsWith('src/'))

const offender = (path: string, text: string) => [readSource(path, text)]

test('there are sources to judge', () => {
  expect(sources.length).toBeGreaterThan(15)
  expect(sources.some(source => source.imports.some(one => one.path === 'src/domain/errors.ts'))).toBe(true)
})

test('each stage imports only what the table allows', () => {
  expect(laws.importBreaches(sources)).toEqual([])
})

test('the table has no arrow back', () => {
  const stages = Object.keys(laws.MAY_IMPORT)
  const reaches = (from: string, to: string): boolean =>
    (laws.MAY_IMPORT[from] ?? []).some(next => next === to || reaches(next, to))
  expect(stages.filter(stage => reaches(stage, stage))).toEqual([])
})

test('no import goes in a circle', () => {
  expect(laws.cycles(sources)).toEqual([])
})

test('files have at most 250 lines, functions at most 60', () => {
  expect(laws.sizeBreaches(sources)).toEqual([])
})

test('environment, clock, children and terminal are reached through their door', () => {
  expect(laws.doorBreaches(sources)).toEqual([])
})

test('the daemon loads at its start what its jobs need', () => {
  expect(laws.lateBreaches(sources)).toEqual([])
})

test('help needs one package, a command that only looks a few, and none that dumps, stores or sends', () => {
  expect(laws.loadedWith('src/cli.ts', sources)).toEqual(['commander'])
  const few = ['better-sqlite3', 'node-cron', 'pino', 'yaml', 'zod', 'zstd-napi', 'zstd-napi/binding.js']
  expect(laws.loadedWith('src/desk.ts', sources)).toEqual(few)
})

test('no default exports, no barrels', () => {
  expect(laws.shapeBreaches(sources.filter(source => !source.path.endsWith('.config.ts')))).toEqual([])
})

test('names say what a thing is', () => {
  expect(laws.nameBreaches(paths)).toEqual([])
})

test('the top level holds what was agreed on, nothing else', () => {
  expect(laws.topLevelBreaches([...new Set(paths.map(path => path.split('/')[0] ?? ''))])).toEqual([])
})

test('nothing is exported that nobody takes, and nothing is there for tests alone', () => {
  expect(unusedExports(modules)).toEqual([])
})

test('every event is written by somebody, and every error code is raised', () => {
  const kinds = ours.flatMap(({ keys }) =>
    [...keys].flatMap(([name, types]) => (name.endsWith('EventFacts') ? types : [])),
  )
  expect(kinds.length).toBeGreaterThan(80)
  expect(unsaid(kinds, ours, { as: 'types', except: /^src\/(domain|alert)\// })).toEqual([])
  expect(unsaid(Object.keys(ERRORS), ours, { as: 'texts', except: /^src\/domain\/errors\.ts$/ })).toEqual([])
})

test('a file that is loaded late is caught; what is loaded with a file is found, types apart', () => {
  const late = "const load = async () => (await import('./b.js')).b"
  expect(laws.lateBreaches(offender('src/jobs/a.ts', late))).toHaveLength(1)
  expect(laws.lateBreaches(offender('src/cli/a.ts', late))).toEqual([])
  const sources = [
    readSource(
      'src/cli/a.ts',
      "import './b.js'\nimport type { C } from './c.js'\nconst d = () => import('./d.js')",
    ),
    readSource('src/cli/b.ts', "import { type Client } from 'pg'\nimport 'node:fs'\nexport * from 'zod'"),
    ...['c', 'd'].map(name => readSource(`src/cli/${name}.ts`, "import 'execa'")),
  ]
  expect(laws.loadedWith('src/cli/a.ts', sources)).toEqual(['pg', 'zod'])
})

test('an export nobody takes, and one for tests, are caught; one that a file or a bench takes passes', () => {
  const text =
    'export const a = 1\nexport function b() { return c }\nexport const c = 2\nexport interface D {}'
  const others = [
    readModule('test/x.test.ts', "import { b } from '../src/seal/a.js'"),
    readModule('bench/x.ts', "import { a as z } from '../src/seal/a.js'"),
  ]
  const judge = (more: typeof others) => unusedExports([readModule('src/seal/a.ts', text), ...more])
  expect(judge(others)).toEqual([
    'src/seal/a.ts: b is there for tests alone',
    'src/seal/a.ts: exports c, which nobody imports',
  ])
  const late = readModule(
    'src/cli/b.ts',
    "const f = async () => { const { a } = await import('../seal/a.js') }",
  )
  expect(judge([late])).toEqual([
    'src/seal/a.ts: exports b, which nobody imports',
    'src/seal/a.ts: exports c, which nobody imports',
  ])
  expect(judge([readModule('src/seal/b.ts', "import * as all from './a.js'")])).toEqual([])
})

test('a word that only the vocabulary itself says is caught', () => {
  const said = [
    readModule('src/domain/events.ts', "export interface EventFacts { 'a-b': 1; c: 2 }"),
    readModule('src/jobs/x.ts', "emit({ type: 'a-b' }); log('c')"),
  ]
  expect(said[0]?.keys.get('EventFacts')).toEqual(['a-b', 'c'])
  expect(unsaid(['a-b', 'c'], said, { as: 'types', except: /^src\/domain/ })).toEqual(['c'])
  expect(unsaid(['a-b', 'c'], said, { as: 'texts', except: /^src\/domain/ })).toEqual([])
})

test('the map of docs/developing.md names every folder of src and test, and no other', () => {
  const page = readFileSync(join(root, 'docs/developing.md'), 'utf8')
  const named = [...page.matchAll(/^\| `((?:src|test)\/[a-z]+)\/` \|/gm)].map(match => match[1])
  const folders = paths.flatMap(path => /^(?:src|test)\/[^/]+(?=\/)/.exec(path)?.[0] ?? [])
  expect(named.sort()).toEqual([...new Set(folders)].sort())
})

test.each([
  ['a value', "import { put } from '../store/put.js'"],
  ['a type', "import type { Store } from '../store/port.js'"],
  ['an inline type', "import { type Store } from '../store/port.js'"],
  ['a re-export', "export { Store } from '../store/port.js'"],
  ['a star', "export * from '../store/port.js'"],
  ['a dynamic import', "const load = () => import('../store/port.js')"],
  ['an import type', "type Store = import('../store/port.js').Store"],
  ['a root', "import { config } from '../config.js'"],
  ['the tests', "import { kit } from '../../test/kit/kit.js'"],
])('an arrow outside the table is caught: %s', (_what, text) => {
  expect(laws.importBreaches(offender('src/domain/x.ts', text))).toHaveLength(1)
  expect(laws.importBreaches(offender('src/app.ts', text.replace('../store', './store')))).toEqual([])
})

test('an arrow inside the table, or inside a stage, passes', () => {
  const text = "import '../../domain/errors.js'\nimport { a } from '../b.js'\nimport pg from 'pg'"
  expect(laws.importBreaches(offender('src/postgres/archive/x.ts', text))).toEqual([])
  expect(laws.importBreaches(offender('src/extras/x.ts', text))).not.toEqual([])
})

test('a circle is caught, type-only ones too, and told once', () => {
  const a = readSource('src/domain/a.ts', "import type { B } from './b.js'")
  const b = readSource('src/domain/b.ts', "import { c } from './c.js'")
  const c = readSource('src/domain/c.ts', "export { a } from './a.js'")
  expect(laws.cycles([a, b, c])).toEqual([
    'src/domain/a.ts → src/domain/b.ts → src/domain/c.ts → src/domain/a.ts',
  ])
})

test('size: line 251 and line 61 are caught, whatever braces strings hold', () => {
  const lines = (n: number) => 'x()\n'.repeat(n)
  expect(laws.sizeBreaches(offender('src/a.ts', lines(250)))).toEqual([])
  expect(laws.sizeBreaches(offender('src/a.ts', lines(251)))).toHaveLength(1)
  const body = (n: number) => `const s = '}' // }\n${lines(n - 3)}`
  for (const head of [
    'function f()',
    'const f = async () =>',
    'class K { static m()',
    'const o = { m: function ()',
  ]) {
    const tail = head.includes('K {') || head.includes('o =') ? '}' : ''
    const text = (n: number) => `${head} {\n${body(n)}} ${tail}`
    expect(laws.sizeBreaches(offender('src/a.ts', text(60)))).toEqual([])
    expect(laws.sizeBreaches(offender('src/a.ts', text(61)))).toHaveLength(1)
  }
})

test('size: chapters and cases of tests may be long, their files not without end', () => {
  const body = `${'x()\n'.repeat(61)}`
  for (const head of ["describe('a',", "describe.skipIf(b)('a',", "describe.each([])('a',", "test('b',"]) {
    expect(laws.sizeBreaches(offender('test/a.ts', `${head} () => {\n${body}})`))).toEqual([])
  }
  expect(laws.sizeBreaches(offender('test/a.ts', 'x()\n'.repeat(520)))).toEqual([])
  expect(laws.sizeBreaches(offender('test/a.ts', 'x()\n'.repeat(521)))).toHaveLength(1)
})

test.each([
  ['process.env', 'src/jobs/x.ts', 'const a = process.env.HOME'],
  ['process.env destructured', 'src/jobs/x.ts', 'const { env } = process'],
  ['Date.now', 'src/sys/x.ts', 'const t = Date.now()'],
  ['Date.now passed on', 'src/sys/x.ts', 'call(Date.now)'],
  ['new Date()', 'src/sys/x.ts', 'const t = new Date()'],
  ['setTimeout', 'src/sys/x.ts', 'setTimeout(f, 1)'],
  ['setInterval on globalThis', 'src/jobs/x.ts', 'const f = setInterval'],
  ['timers', 'src/jobs/x.ts', "import { setTimeout as t } from 'node:timers/promises'"],
  ['child_process', 'src/postgres/x.ts', "import { spawn } from 'node:child_process'"],
  ['execa', 'src/postgres/x.ts', "import type { Options } from 'execa'"],
  ['console', 'src/jobs/x.ts', "console.log('x')"],
])('a door opened elsewhere is caught: %s', (_what, path, text) => {
  expect(laws.doorBreaches(offender(path, text))).toHaveLength(1)
})

test('what only looks like a door passes', () => {
  const text = `
    const s = 'process.env Date.now()' // setTimeout(console)
    const d = new Date(5)
    interface Timers { setTimeout(): void }
    const o = { setTimeout: 1, console: 2 }
    clock.setTimeout(o.console, \`\${s} new Date()\`)`
  expect(laws.doorBreaches(offender('src/jobs/x.ts', text))).toEqual([])
  expect(laws.doorBreaches(offender('src/sys/clock.ts', 'setTimeout(f, Date.now())'))).toEqual([])
  expect(laws.doorBreaches(offender('src/cli/print.ts', 'console.log(1)'))).toEqual([])
})

test.each([
  ['src/a.ts', 'export default 1'],
  ['src/a.ts', 'const a = 1; export { a as default }'],
  ['src/a.ts', "export * from './b.js'\nexport { c } from './c.js'"],
  ['src/a/index.ts', 'export const a = 1'],
])('a default export or a barrel is caught', (path, text) => {
  expect(laws.shapeBreaches(offender(path, text))).toHaveLength(1)
})

test('empty names and strangers at the top level are caught', () => {
  expect(
    laws.nameBreaches([
      'src/utils/a.ts',
      'src/Common.ts',
      'src/sys/helper.ts',
      'src/database.ts',
      'src/sys/base.ts',
    ]),
  ).toEqual(['src/utils/a.ts', 'src/Common.ts', 'src/sys/helper.ts', 'src/sys/base.ts'])
  expect(laws.topLevelBreaches(['src', 'lib', '.env'])).toEqual(['lib', '.env'])
})
