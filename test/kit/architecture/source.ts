// A source file as the architecture laws see it: its imports, its functions, and the doors that it opens by itself.
import { dirname, join, normalize } from 'node:path'
import { parseAst } from 'vitest/node'

export interface Import {
  /** As written. */
  specifier: string
  /** For a relative one, the path from the root with `.ts`; otherwise null. */
  path: string | null
  /** When the module is loaded: with its importer, when a function is called, or never, as it is only for types. */
  when: 'start' | 'call' | 'never'
}

export interface Source {
  path: string
  lines: number
  imports: Import[]
  functions: { name: string; lines: number; atLine: number }[]
  defaultExport: boolean
  /** Nothing but re-exports. */
  barrel: boolean
  /** `process.env`, `Date.now()`, `new Date()`, `setTimeout`, `setInterval`, `setImmediate`, `console`. */
  doors: { name: string; atLine: number }[]
}

export type Node = { type: string; start: number; end: number; [key: string]: unknown }

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'

/** @throws SyntaxError when the text is not TypeScript. */
export function readSource(path: string, text: string): Source {
  const program = parseAst(text, { lang: 'ts' }) as unknown as Node & { body: Node[] }
  const lineOf = (offset: number): number => text.slice(0, offset).split('\n').length
  const source: Source = {
    path,
    lines: text.replace(/\n$/, '').split('\n').length,
    imports: [],
    functions: [],
    defaultExport: false,
    barrel: program.body.length > 0 && program.body.every(isReExport),
    doors: [],
  }
  walk(program, null, (node, parent) => {
    const specifier = importedBy(node)
    if (specifier !== null)
      source.imports.push({ specifier, path: resolved(path, specifier), when: whenOf(node) })
    if (isDefaultExport(node)) source.defaultExport = true
    if (FUNCTIONS.has(node.type) && isNode(node.body) && !isChapter(parent)) {
      const atLine = lineOf(node.start)
      source.functions.push({ name: nameOf(node, parent), lines: lineOf(node.end) - atLine + 1, atLine })
    }
    const door = doorOf(node, parent)
    if (door !== null) source.doors.push({ name: door, atLine: lineOf(node.start) })
  })
  return source
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])
const MODULES = new Set(['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration'])
/** Type-only ones are among them: `import('x').T` too. */
const IMPORTS = new Set([...MODULES, 'ImportExpression', 'TSImportType'])
const GLOBALS = new Set(['setTimeout', 'setInterval', 'setImmediate', 'console'])

export function walk(
  node: Node,
  parent: Node | null,
  visit: (node: Node, parent: Node | null) => void,
): void {
  visit(node, parent)
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, node, visit)
  }
}

function importedBy(node: Node): string | null {
  if (!IMPORTS.has(node.type) || !isNode(node.source)) return null
  const { value } = node.source
  return typeof value === 'string' ? value : null
}

function whenOf({ type, importKind, exportKind }: Node): Import['when'] {
  if (type === 'ImportExpression') return 'call'
  return type === 'TSImportType' || importKind === 'type' || exportKind === 'type' ? 'never' : 'start'
}

export function resolved(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null
  return normalize(join(dirname(from), specifier)).replace(/\.js$/, '.ts')
}

const isReExport = (node: Node): boolean =>
  node.type === 'ExportAllDeclaration' || (node.type === 'ExportNamedDeclaration' && isNode(node.source))

function isDefaultExport(node: Node): boolean {
  if (node.type === 'ExportDefaultDeclaration') return true
  return node.type === 'ExportSpecifier' && isNode(node.exported) && node.exported.name === 'default'
}

/** What `describe` is given is a chapter of tests: its tests are measured, it is not. */
function isChapter(parent: Node | null): boolean {
  let callee = parent?.type === 'CallExpression' ? parent.callee : null
  while (isNode(callee) && called(callee) === '') callee = callee.object ?? callee.callee
  return called(callee) === 'describe'
}

function nameOf(node: Node, parent: Node | null): string {
  for (const named of [node.id, parent?.id, parent?.key]) {
    if (isNode(named) && typeof named.name === 'string') return named.name
  }
  return 'an anonymous function'
}

const called = (node: unknown): string => (isNode(node) && typeof node.name === 'string' ? node.name : '')

/** A global used as such; a property, a parameter or a method of that name is no door. */
function doorOf(node: Node, parent: Node | null): string | null {
  if (node.type === 'MemberExpression') {
    const access = `${called(node.object)}.${called(node.property)}`
    return access === 'process.env' || access === 'Date.now' ? access : null
  }
  if (node.type === 'NewExpression' && called(node.callee) === 'Date') {
    return (node.arguments as Node[]).length === 0 ? 'new Date()' : null
  }
  if (node.type === 'VariableDeclarator' && called(node.init) === 'process') return destructured(node)
  const global = node.type === 'Identifier' ? called(node) : ''
  return GLOBALS.has(global) && !isMereName(node, parent) ? global : null
}

/** `const { env } = process` */
function destructured(node: Node): string | null {
  const pattern = isNode(node.id) && Array.isArray(node.id.properties) ? node.id.properties : []
  return pattern.some(one => called((one as Node).key) === 'env') ? 'process.env' : null
}

function isMereName(node: Node, parent: Node | null): boolean {
  if (parent?.type === 'MemberExpression') return parent.property === node && parent.computed !== true
  if (parent?.type === 'Property' || parent?.type === 'ImportSpecifier')
    return parent.key === node || parent.type === 'ImportSpecifier'
  return parent?.type === 'TSPropertySignature' || parent?.type === 'TSMethodSignature'
}
