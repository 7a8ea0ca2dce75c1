// The package itself: its version, and the files that come with it.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export function version(): string {
  return (JSON.parse(readFileSync(packaged('package.json'), 'utf8')) as { version: string }).version
}

/** The path of a file or folder of the package. */
export function packaged(name: string): string {
  const root = import.meta.url.endsWith('.ts') ? '../' : '../../'
  return fileURLToPath(new URL(`${root}${name}`, import.meta.url))
}
