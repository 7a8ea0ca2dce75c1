// Where the built files of a module are, whether it runs built or from its TypeScript source.
import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Failure } from '../domain/errors.js'

/**
 * The file `name` beside a built module. Threads and kernels exist only as built code, so for a module that runs from its
 * TypeScript source the same place below dist/ is meant.
 * @throws Failure unexpected when it was not built.
 */
export function builtFile(importMetaUrl: string, name: string): URL {
  const path = fileURLToPath(new URL(name, importMetaUrl))
  const at = path.lastIndexOf('/src/')
  const built = importMetaUrl.endsWith('.ts') ? `${path.slice(0, at)}/dist${path.slice(at)}` : path
  if (!existsSync(built)) {
    throw new Failure('unexpected', `${built} is not built`, {
      hint: 'type `npm run build`, or install the package again',
    })
  }
  return pathToFileURL(built)
}
