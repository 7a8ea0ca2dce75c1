// A configuration while it is read: every problem is gathered with its place, none ends the reading.
import { dirname, resolve } from 'node:path'
import type { Finding } from './domain/configuration-rules.js'
import { asFailure } from './domain/errors.js'
import { dotted, type Problem } from './domain/problem.js'
import type { Texts } from './sys/texts.js'
import type { YamlFile } from './sys/yaml.js'

export interface Reading {
  file: string
  env: Readonly<Record<string, string | undefined>>
  now: Date
  texts: Texts
  yaml: YamlFile
  problems: Problem[]
  /** Of how many of the problems the shape complained: what the rules then say of the same keys, they say of stand-ins. */
  ofShape: number
  warnings: Problem[]
  sources: string[]
}

/** Unless the shape of that key, or of one below it, was complained about before. */
export function complain(reading: Reading, problem: Problem): void {
  const { path } = problem
  const before = reading.problems.slice(0, reading.ofShape).map(one => one.path)
  if (!before.some(one => one === path || one.startsWith(`${path}.`))) reading.problems.push(problem)
}

/** Paths are relative to the configuration's own folder. */
export const beside = (reading: Reading, path: string): string => resolve(dirname(reading.file), path)

/** What the action yields; null when it failed, which is then a problem at the path. */
export function attempt<T>(reading: Reading, path: PropertyKey[], action: () => T, about = ''): T | null {
  try {
    return action()
  } catch (thrown) {
    const { code, message, hint } = asFailure(thrown)
    const said = `${about} ${message}`.trim()
    complain(reading, { path: dotted(path), message: said, hint, at: reading.yaml.at(path), code })
    return null
  }
}

export const placed = ({ path, message, hint }: Finding, yaml: YamlFile): Problem => ({
  path: path.join('.'),
  message,
  hint,
  at: yaml.at(path),
  code: 'config-invalid',
})
