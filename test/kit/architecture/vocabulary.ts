// What a source offers, takes from others and says: so that nothing stays that nobody uses, and no word that nobody says.
import { parseAst } from 'vitest/node'
import { isNode, type Node, resolved, walk } from './source.js'

export interface Module {
  path: string
  /** Functions, constants and classes; `here`: its own file uses it too. Types are the words of those, and go uncounted. */
  exports: { name: string; here: boolean }[]
  /** `path#name`, or `path#*` for a whole module. */
  takes: Set<string>
  /** Every text that stands in it. */
  texts: Set<string>
  /** Texts that stand as the `type` of something. */
  types: Set<string>
  /** Keys of its interfaces, by the interface's name. */
  keys: Map<string, string[]>
}

/** Loaded by the URL of their file: no import names them. */
const BY_URL = new Set(['createObserver'])

/** @throws SyntaxError when the text is not TypeScript. */
export function readModule(path: string, text: string): Module {
  const program = parseAst(text, { lang: 'ts' }) as unknown as Node & { body: Node[] }
  const module: Module = {
    ...{ path, exports: [], takes: new Set<string>(), texts: new Set<string>() },
    ...{ types: new Set<string>(), keys: new Map<string, string[]>() },
  }
  const names = new Map<string, number>()
  walk(program, null, node => {
    note(node, module)
    if (node.type === 'Identifier') names.set(String(node.name), (names.get(String(node.name)) ?? 0) + 1)
  })
  module.exports = program.body
    .filter(node => node.type === 'ExportNamedDeclaration')
    .flatMap(declared)
    .map(name => ({ name, here: (names.get(name) ?? 0) > 1 }))
  return module
}

function note(node: Node, { path, takes, texts, types, keys }: Module): void {
  if (node.type === 'Literal' && typeof node.value === 'string') texts.add(node.value)
  if (node.type === 'Property' && named(node.key) === 'type' && isNode(node.value))
    types.add(String(node.value.value))
  if (node.type === 'TSInterfaceDeclaration') {
    const members = list(isNode(node.body) ? node.body.body : null)
    keys.set(
      named(node.id),
      members.flatMap(({ key }) => (isNode(key) ? String(key.name ?? key.value) : [])),
    )
  }
  const late = takenLate(node)
  if (late) for (const name of late.names) takes.add(`${resolved(path, late.from)}#${name}`)
  if (!isNode(node.source) || typeof node.source.value !== 'string' || NOTED.has(node.source)) return
  const from = resolved(path, node.source.value)
  const specifiers = list(node.specifiers)
  if (specifiers.length === 0) takes.add(`${from}#*`)
  for (const one of specifiers) takes.add(`${from}#${named(one.imported ?? one.local) || '*'}`)
  if (specifiers.some(({ type }) => type === 'ImportNamespaceSpecifier')) takes.add(`${from}#*`)
}

/** Sources of an `import()` whose names were noted. */
const NOTED = new WeakSet<object>()

/** `const { a } = await import('x')` takes a, and nothing else of x. */
function takenLate(node: Node): { from: string; names: string[] } | null {
  if (node.type !== 'VariableDeclarator' || !isNode(node.id) || node.id.type !== 'ObjectPattern') return null
  const loading = isNode(node.init) && node.init.type === 'AwaitExpression' ? node.init.argument : null
  if (!isNode(loading) || loading.type !== 'ImportExpression' || !isNode(loading.source)) return null
  NOTED.add(loading.source)
  return { from: String(loading.source.value), names: list(node.id.properties).map(one => named(one.key)) }
}

/** The names of the values that a line exports. */
function declared({ declaration }: Node): string[] {
  if (!isNode(declaration) || declaration.type.startsWith('TS')) return []
  const declarations = list(declaration.declarations)
  return (declarations.length > 0 ? declarations : [declaration]).map(({ id }) => named(id)).filter(Boolean)
}

const list = (value: unknown): Node[] => (Array.isArray(value) ? value.filter(isNode) : [])
const named = (node: unknown): string => (isNode(node) && typeof node.name === 'string' ? node.name : '')

/** What src exports and nobody takes, and what is there for tests alone. */
export function unusedExports(modules: readonly Module[]): string[] {
  const taken = (by: readonly Module[]) => new Set(by.flatMap(({ takes }) => [...takes]))
  const all = taken(modules)
  const ours = taken(modules.filter(({ path }) => !path.startsWith('test/')))
  return modules
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap(({ path, exports }) =>
      exports.flatMap(({ name, here }) => {
        const takenBy = (some: ReadonlySet<string>) => some.has(`${path}#${name}`) || some.has(`${path}#*`)
        if (BY_URL.has(name)) return []
        if (!takenBy(all)) return [`${path}: exports ${name}, which nobody imports`]
        return here || takenBy(ours) ? [] : [`${path}: ${name} is there for tests alone`]
      }),
    )
}

/** Words that no source outside `except` says: as a text, or as the `type` of something. */
export function unsaid(
  words: readonly string[],
  modules: readonly Module[],
  { as, except }: { as: 'texts' | 'types'; except: RegExp },
): string[] {
  const said = new Set(modules.filter(({ path }) => !except.test(path)).flatMap(one => [...one[as]]))
  return words.filter(word => !said.has(word))
}
