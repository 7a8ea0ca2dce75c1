// The laws of the code as pure functions over its sources. Each breach is one line that says where and what.
import type { Source } from './source.js'

/** Which stage may import which (types too). Itself is understood; `*` is everything. A change is a decision record. */
export const MAY_IMPORT: Record<string, readonly string[]> = {
  domain: [],
  sys: ['domain'],
  postgres: ['domain', 'sys'],
  seal: ['domain', 'sys'],
  store: ['domain', 'sys'],
  hetzner: ['domain', 'sys'],
  repository: ['domain', 'sys', 'seal', 'store'],
  retention: ['domain'],
  restore: ['domain', 'sys', 'postgres', 'repository', 'hetzner'],
  verify: ['domain', 'sys', 'postgres', 'repository', 'restore'],
  alert: ['domain', 'sys'],
  jobs: [
    ...['domain', 'sys', 'postgres', 'seal', 'store', 'hetzner'],
    ...['repository', 'retention', 'restore', 'verify'],
  ],
  api: ['domain', 'sys', 'jobs', 'repository'],
  cli: ['domain', 'sys', 'jobs', 'api'],
}

/** Files right below src/: they wire the parts together and may import everything; nobody imports them but each other. */
export const ROOTS = [
  'main.ts',
  'daemon.ts',
  'cli.ts',
  'app.ts',
  'alerts.ts',
  'desk.ts',
  'config.ts',
  'config-files.ts',
  'config-reading.ts',
  'last-configuration.ts',
  'package.ts',
]

export const TOP_LEVEL = [
  ...['src', 'schedules', 'restore-playbooks', 'test', 'docs', 'monitoring', 'bench', '.ci', '.github'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'biome.json', 'vitest.config.ts', '.npmrc'],
  ...['ecosystem.config.cjs', 'gmah-backup.example.yaml', 'README.md', '.gitignore', '.gitattributes'],
]

const FORBIDDEN_NAMES = ['util', 'helper', 'common', 'core', 'service', 'manager', 'base']
const MAX_FILE_LINES = 250
const MAX_TEST_FILE_LINES = 520
const MAX_FUNCTION_LINES = 60

const CLOCK = 'src/sys/clock.ts'
const CLOCK_DOORS = new Set(['Date.now', 'new Date()', 'setTimeout', 'setInterval', 'setImmediate'])
const TIMER_MODULES = new Set(['timers', 'timers/promises', 'node:timers', 'node:timers/promises'])
const CHILD_MODULES = new Set(['child_process', 'node:child_process', 'execa'])

const isOurs = (path: string): boolean => path.startsWith('src/')

/** The stage that a path belongs to; a file right below src/ is its own. */
const stageOf = (path: string): string => path.split('/')[1] ?? ''

export function importBreaches(sources: readonly Source[]): string[] {
  return sources
    .filter(source => isOurs(source.path))
    .flatMap(source => source.imports.flatMap(arrow(source)))
}

function arrow(source: Source): (one: Source['imports'][number]) => string[] {
  const from = stageOf(source.path)
  const allowed = ROOTS.includes(from) ? null : MAY_IMPORT[from]
  return ({ path, specifier }) => {
    if (allowed === undefined) return [`${source.path}: src/${from} is no stage`]
    if (path === null || allowed === null) return []
    const to = stageOf(path)
    if (isOurs(path) && (to === from || allowed.includes(to))) return []
    return [`${source.path}: ${from} may not import ${specifier}`]
  }
}

/** Each cycle once, as its path. */
export function cycles(sources: readonly Source[]): string[] {
  const arrows = new Map(sources.map(one => [one.path, one.imports.flatMap(({ path }) => path ?? [])]))
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const seen = trail.indexOf(path)
    if (seen >= 0) found.push([...trail.slice(seen), path].join(' → '))
    if (seen >= 0 || done.has(path)) return
    for (const next of arrows.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of arrows.keys()) visit(path, [])
  return found
}

/** Tests are lists of cases: a file of them may be longer, and a suite is no function. */
export function sizeBreaches(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, lines, functions }) => {
    const most = isOurs(path) ? MAX_FILE_LINES : MAX_TEST_FILE_LINES
    const long = isOurs(path) ? functions.filter(one => one.lines > MAX_FUNCTION_LINES) : []
    return [
      ...(lines > most ? [`${path}: ${lines} lines, at most ${most}`] : []),
      ...long.map(
        one => `${path}:${one.atLine}: ${one.name} has ${one.lines} lines, at most ${MAX_FUNCTION_LINES}`,
      ),
    ]
  })
}

/** Environment, clock, children and the terminal each have one door. */
export function doorBreaches(sources: readonly Source[]): string[] {
  return sources
    .filter(source => isOurs(source.path))
    .flatMap(source => [
      ...source.doors
        .filter(door => !mayOpen(source.path, door.name))
        .map(door => `${source.path}:${door.atLine}: ${door.name}`),
      ...source.imports
        .filter(one => !mayLoad(source.path, one.specifier))
        .map(one => `${source.path}: imports ${one.specifier}`),
    ])
}

function mayOpen(path: string, door: string): boolean {
  if (CLOCK_DOORS.has(door)) return path === CLOCK
  if (door === 'process.env') return path === 'src/config.ts'
  return path === 'src/cli.ts' || path.startsWith('src/cli/')
}

function mayLoad(path: string, specifier: string): boolean {
  if (CHILD_MODULES.has(specifier)) return path.startsWith('src/sys/')
  return !TIMER_MODULES.has(specifier) || path === CLOCK
}

/** Loaded when it is used: by a command, or where the daemon's start loads it before. */
const LATE = ['src/cli.ts', 'src/desk.ts', 'src/seal/age-decrypt.ts', 'src/store/s3-client.ts']
const LOADED_BEFORE = ['@aws-sdk/lib-storage']

/** What runs for months loads everything at its start: by the night an upgrade may have taken a file away. */
export function lateBreaches(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => isOurs(path) && !path.startsWith('src/cli/') && !LATE.includes(path))
    .flatMap(({ path, imports }) =>
      imports
        .filter(one => one.when === 'call' && !LOADED_BEFORE.includes(one.specifier))
        .map(one => `${path}: loads ${one.specifier} when it is called`),
    )
}

/** The packages, sorted, that are loaded with a source: by it, and by what it loads. */
export function loadedWith(path: string, sources: readonly Source[]): string[] {
  const loaded = new Map(sources.map(one => [one.path, one.imports.filter(({ when }) => when === 'start')]))
  const [seen, packages] = [new Set<string>(), new Set<string>()]
  const visit = (at: string): void => {
    if (seen.has(at)) return
    seen.add(at)
    for (const { path: next, specifier } of loaded.get(at) ?? [])
      if (next !== null) visit(next)
      else if (!specifier.startsWith('node:')) packages.add(specifier)
  }
  visit(path)
  return [...packages].sort()
}

export function shapeBreaches(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, defaultExport, barrel }) => [
    ...(defaultExport ? [`${path}: a default export`] : []),
    ...(barrel || path.endsWith('/index.ts') ? [`${path}: a barrel`] : []),
  ])
}

/** Folders and files whose name says nothing of the domain: utils, helpers, common, … */
export function nameBreaches(paths: readonly string[]): string[] {
  return paths.filter(path =>
    path.split('/').some(part => {
      const stem = part.replace(/\..*$/, '').replace(/s$/, '').toLowerCase()
      return FORBIDDEN_NAMES.includes(stem)
    }),
  )
}

export function topLevelBreaches(entries: readonly string[]): string[] {
  return entries.filter(entry => !TOP_LEVEL.includes(entry))
}
