// The commands that playbooks quote, as a shell would run them: each ```sh block, with the built program on the PATH.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { CLI, type Installation } from './installation.js'

/** The blocks of a page, in order. Commands that only a real machine can run are indented, not fenced. */
export const shellBlocks = (body: string): string[] =>
  [...body.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(match => match[1] ?? '')

/** Runs all blocks of a page in one shell that stops at the first error. @returns what it said. */
export async function follow(here: Installation, body: string, variables: Record<string, string>) {
  const bin = join(here.folder, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'gmah-backup'), `#!/bin/sh\nexec node ${CLI} "$@"\n`)
  chmodSync(join(bin, 'gmah-backup'), 0o755)
  const { exitCode, all } = await execa('bash', ['-euo', 'pipefail'], {
    input: shellBlocks(body).join('\n'),
    reject: false,
    all: true,
    cwd: here.folder,
    env: {
      ...variables,
      GMAH_BACKUP_CONFIG: here.configFile,
      RECOVERY_IDENTITY: here.recoveryIdentityFile,
      OPERATIONAL_IDENTITY: join(here.folder, 'operational.txt'),
      PATH: `${bin}:${process.env.PATH}`,
    },
  })
  return { exitCode, said: all ?? '' }
}
