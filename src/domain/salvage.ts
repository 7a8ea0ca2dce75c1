// What can still be read of a section in which something is wrong: a slip in one key must not hide those in the others.
import type { z } from 'zod'

/** Stands where text was wrong or missing. What is then said of that very key was said before, and better. */
const STAND_IN = '?'
/** A wrong value gives way to the stand-in, that to the default, and what the default uncovers likewise. */
const ROUNDS = 4

/** The section without what is wrong in it; undefined when too little is left. The value itself is not changed. */
export function salvage<T>(schema: z.ZodType<T>, given: unknown): T | undefined {
  const value = structuredClone(given)
  for (let round = 0; round < ROUNDS; round++) {
    const parsed = schema.safeParse(value)
    if (parsed.success) return parsed.data
    for (const issue of parsed.error.issues) mend(value, issue)
  }
  return undefined
}

function mend(value: unknown, issue: z.core.$ZodIssue): void {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys : []
  for (const key of unknown) delete holderOf(value, issue.path)?.[key]
  if (unknown.length > 0) return
  // What stands in a list cannot be left out without moving the others: the list goes.
  const list = issue.path.findIndex(part => typeof part === 'number')
  const path = list < 0 ? issue.path : issue.path.slice(0, list)
  const holder = holderOf(value, path.slice(0, -1))
  const key = String(path.at(-1) ?? '')
  if (!holder || path.length === 0) return
  if (list < 0 && holder[key] !== STAND_IN) holder[key] = STAND_IN
  else delete holder[key]
}

function holderOf(value: unknown, path: readonly PropertyKey[]): Record<string, unknown> | null {
  let at = value
  for (const part of path) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[part]
  return typeof at === 'object' && at !== null ? (at as Record<string, unknown>) : null
}
