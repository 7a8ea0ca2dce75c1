// PostgreSQL's server programs for the tests' own clusters: its `initdb` copies an empty data directory that the real one made
// once a test run. A cluster then begins in a tenth of the time, and is the same to the byte.
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { findTool } from '../../src/postgres/tools.js'
import { makeFolder, unprivileged } from '../../src/verify/scratch-folder.js'

const VARIABLE = 'GMAH_TEST_SERVER_PROGRAMS'

/** For ScratchServerOptions; null outside of a test run: the demo has the real one. */
export const serverPrograms = (): string | null => process.env[VARIABLE] ?? null

/** Makes the folder and tells the tests' processes of it. @returns how to be rid of it. */
export async function makeServerPrograms(): Promise<() => void> {
  const initdb = await findTool('initdb', 0)
  const owner = await unprivileged()
  // Named and owned like a scratch server's: what a killed run leaves is swept.
  const folder = await makeFolder(tmpdir(), owner)
  const template = join(folder, 'template')
  const [user, locale] = [
    ['-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--no-sync'],
    '--locale=C.UTF-8',
  ]
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
  execFileSync(initdb.path, ['-D', template, ...user, locale], {
    ...owner,
    cwd: folder,
    env,
    stdio: 'ignore',
  })
  writeFileSync(
    join(folder, 'initdb'),
    `#!/bin/sh
case "$*" in
  "-D $2 ${user.join(' ')} ${locale}") exec cp -R --sparse=always '${template}' "$2" ;;
esac
exec '${initdb.path}' "$@"
`,
  )
  chmodSync(join(folder, 'initdb'), 0o755)
  symlinkSync(join(dirname(initdb.path), 'postgres'), join(folder, 'postgres'))
  process.env[VARIABLE] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
