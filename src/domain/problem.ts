// What is wrong with a file the operator wrote: where, what, and what to type instead. All of it at once, never only the first.
import type { z } from 'zod'
import { type ErrorCode, Failure } from './errors.js'

export interface Problem {
  /** The dotted path in the file, `postgres.port`; empty for the file as a whole. */
  path: string
  message: string
  hint: string
  /** The file, with `:line:column` where it is known. */
  at: string
  code: ErrorCode
}

type Issue = z.core.$ZodIssue

/** `keys.recovery_recipients[0]` of ['keys', 'recovery_recipients', 0]. */
export function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')
}

interface Reading {
  schema: z.ZodType
  at(path: readonly PropertyKey[]): string
  /** What to type instead, for a path; an empty string where nothing better is known. */
  hint(path: string): string
  /** Found before: a second complaint about the same path is left out. */
  earlier: readonly Problem[]
}

/** Everything a zod error says, in our words: one problem for each unknown key and for each wrong value. */
export function problemsOf(error: z.ZodError, reading: Reading): Problem[] {
  const known = new Set(reading.earlier.map(one => one.path))
  return error.issues
    .flatMap(issue => explain(issue, reading.schema))
    .map(({ path, message, hint }) => {
      const name = dotted(path)
      return {
        path: name,
        message,
        hint: hint || reading.hint(name),
        at: reading.at(path),
        code: 'config-invalid' as const,
      }
    })
    .filter(one => !known.has(one.path))
}

function explain(issue: Issue, schema: z.ZodType): { path: PropertyKey[]; message: string; hint: string }[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, message: messageOf(issue), hint: '' }]
  const known = keysAt(schema, issue.path)
  return issue.keys.map(key => {
    const near = nearest(key, known)
    return {
      path: [...issue.path, key],
      message: 'is not a key that is known here',
      hint: near ? `did you mean ${near}?` : `known here: ${known.join(', ')}`,
    }
  })
}

/** The known name closest to what was typed; null when none is close (a third of its letters, by Levenshtein's distance). */
function nearest(typed: string, known: readonly string[]): string | null {
  let best: { name: string; distance: number } | null = null
  for (const name of known) {
    const distance = editDistance(typed.toLowerCase(), name)
    if (!best || distance < best.distance) best = { name, distance }
  }
  return best && best.distance <= Math.max(1, Math.ceil(typed.length / 3)) ? best.name : null
}

function messageOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${kindOf(issue.expected)}`
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`
    case 'too_small':
      return issue.origin === 'array' || issue.origin === 'string'
        ? 'must not be empty'
        : `must be at least ${issue.minimum}`
    case 'too_big':
      return `must be at most ${issue.maximum}`
    case 'invalid_union':
      return `must be one of ${'options' in issue ? issue.options?.map(String).join(', ') : 'the known forms'}`
    default:
      return issue.message
  }
}

function kindOf(expected: string): string {
  if (expected === 'object') return 'a section with keys below it'
  if (expected === 'array') return 'a list'
  if (expected === 'int' || expected === 'number') return 'a whole number'
  if (expected === 'boolean') return 'true or false'
  return 'text'
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown[] = [schema]
  for (const part of path) {
    at = at.flatMap(one => [...shapes(one).map(shape => shape[String(part)]), ...entriesOf(one)])
  }
  return [...new Set(at.flatMap(one => shapes(one).flatMap(shape => Object.keys(shape))))]
}

type Shape = Record<string, unknown>

function shapes(schema: unknown): Shape[] {
  const def = (schema as { def?: Record<string, unknown> } | undefined)?.def
  if (!def) return []
  if (def.shape) return [def.shape as Shape]
  if (Array.isArray(def.options)) return def.options.flatMap(shapes)
  return shapes(def.innerType ?? def.in)
}

/** What a list or a record holds, whatever the place or the name. */
function entriesOf(schema: unknown): unknown[] {
  const def = (schema as { def?: Record<string, unknown> } | undefined)?.def
  if (!def) return []
  const entry = def.element ?? def.valueType
  return entry ? [entry] : entriesOf(def.innerType ?? def.in)
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** All that is wrong with a file as one failure. */
export function refusal(file: string, problems: readonly Problem[]): Failure {
  const [first] = problems
  const rest = problems.length > 1 ? `, and ${problems.length - 1} more` : ''
  const what = first ? [first.path, first.message].filter(Boolean).join(' ') : 'is not usable'
  // Files of somebody else's: one thing to do is the answer to all of them.
  const all = (one: Problem): boolean => one.code === 'secret-exposed' && one.hint === first?.hint
  const same = first && problems.every(all) ? { hint: first.hint } : {}
  return new Failure('config-invalid', `${file}: ${what}${rest}`, { facts: { problems }, ...same })
}
