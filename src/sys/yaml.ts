// One YAML document as plain data, with `${VAR}` filled in after parsing, so that a value can never add structure.
// Everything wrong is reported with its line and column; positions of keys are kept for later complaints.
import { isMap, isPair, isScalar, LineCounter, type Node, type Pair, parseDocument, visit } from 'yaml'
import { dotted, type Problem } from '../domain/problem.js'

export interface YamlFile {
  /** Null when the text could not be parsed. */
  data: unknown
  problems: Problem[]
  /** `file:line:column` of the key or value at a path, or of its nearest parent that is there. */
  at(path: readonly PropertyKey[]): string
  /** Dotted paths whose value came, at least in part, from a variable. */
  interpolated: ReadonlySet<string>
}

type Variables = Readonly<Record<string, string | undefined>>

/** Parses YAML 1.2 (core schema; no merge keys, no duplicate keys, aliases bounded). `$${` stands for a plain `${`. */
export function parseYaml(text: string, file: string, variables: Variables): YamlFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const wrong = (path: string, offset: number, message: string, hint: string): Problem => ({
    path,
    message,
    hint,
    at: place(offset),
    code: 'config-invalid',
  })
  const problems = [...document.errors, ...document.warnings].map(error =>
    wrong(
      '',
      error.pos[0],
      `is not valid YAML: ${firstLine(error.message)}`,
      'check indentation, quotes and colons',
    ),
  )
  const at = (path: readonly PropertyKey[]): string => place(offsetAt(document.contents, path))
  if (problems.length > 0) return { data: null, problems, at, interpolated: new Set() }

  const interpolated = new Set<string>()
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return
      const path = dotted(pathTo(node, ancestors))
      const { value, unset } = interpolate(node.value, variables)
      interpolated.add(path)
      node.value = value
      for (const name of unset) {
        const hint = `export ${name} to the daemon, or write $\${ for a plain \${`
        problems.push(wrong(path, node.range?.[0] ?? 0, `names the variable ${name}, which is not set`, hint))
      }
    },
  })
  try {
    return { data: document.toJS({ maxAliasCount: 100 }), problems, at, interpolated }
  } catch (error) {
    // The library's guard against documents that grow without bounds when aliases are followed.
    problems.push(wrong('', 0, `cannot be read: ${(error as Error).message}`, 'write it without aliases'))
    return { data: null, problems, at, interpolated }
  }
}

function interpolate(text: string, variables: Variables): { value: string; unset: string[] } {
  const unset: string[] = []
  const value = text.replace(/\$(\$?)\{([^}]*)\}/g, (whole, escaped: string, name: string) => {
    if (escaped) return whole.slice(1)
    const found = variables[name]
    if (found === undefined) unset.push(name)
    return found ?? ''
  })
  return { value, unset }
}

function pathTo(node: Node, ancestors: readonly unknown[]): PropertyKey[] {
  const path: PropertyKey[] = []
  const chain = [...ancestors, node]
  chain.forEach((one, index) => {
    if (isPair(one)) path.push(keyOf(one))
    const items = (one as { items?: unknown[] }).items
    if (items && !isMap(one)) path.push(items.indexOf(chain[index + 1]))
  })
  return path
}

function offsetAt(root: unknown, path: readonly PropertyKey[]): number {
  let at = root as Node | null
  let offset = 0
  for (const part of path) {
    const items = (at as { items?: unknown[] } | null)?.items ?? []
    const item =
      typeof part === 'number' ? items[part] : items.find(one => isPair(one) && keyOf(one) === part)
    if (item === undefined) break
    offset = ((isPair(item) ? item.key : item) as Node).range?.[0] ?? offset
    at = (isPair(item) ? item.value : item) as Node | null
  }
  return offset
}

const keyOf = (pair: Pair): string => String(isScalar(pair.key) ? pair.key.value : pair.key)
const firstLine = (text: string): string => text.split('\n')[0] ?? text
