// The names in a folder that the configuration points to.
import { readdirSync } from 'node:fs'
import { Failure } from '../domain/errors.js'

/** Names with this ending, sorted, hidden ones left out. @throws Failure config-invalid when the folder can't be read. */
export function listFiles(folder: string, ending: string): string[] {
  try {
    return readdirSync(folder)
      .filter(name => name.endsWith(ending) && !name.startsWith('.'))
      .sort()
  } catch (cause) {
    throw new Failure('config-invalid', `cannot read the directory ${folder}`, {
      cause,
      hint: `copy the ${ending} files there, or name another directory`,
    })
  }
}
