// The commands that playbooks quote, as a shell would run them: each ```sh block, with the built program on the PATH.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { CLI, type Installation } from './installation.js'
import { type Answers, typeInto } from './pty.js'

/** The blocks of a page, in order. */
export const shellBlocks = (body: string): string[] =>
  [...body.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(match => match[1] ?? '')

/** What a person puts for the words in capitals. @throws Error when the page has no such word. */
export function filledIn(body: string, words: Record<string, string>): string {
  return Object.entries(words).reduce((text, [word, value]) => {
    if (!text.includes(word)) throw new Error(`the page does not say ${word}`)
    return text.replaceAll(word, value)
  }, body)
}

/** Puts a program on the PATH that `follow` gives. */
export function program(folder: string, name: string, script: string): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, name), `#!/bin/bash\n${script}\n`)
  chmodSync(join(bin, name), 0o755)
  return bin
}

/**
 * Runs all blocks of a page in one shell that stops at the first error.
 * @param answers what is typed when it is asked; without them nobody is there to ask.
 * @returns what it said.
 */
export async function follow(
  here: Pick<Installation, 'folder' | 'configFile' | 'recoveryIdentityFile'>,
  body: string,
  variables: Record<string, string>,
  answers?: Answers,
) {
  const bin = program(here.folder, 'gmah-backup', `exec node ${CLI} "$@"`)
  const script = join(here.folder, 'page.sh')
  writeFileSync(script, shellBlocks(body).join('\n'))
  const env = {
    GMAH_BACKUP_CONFIG: here.configFile,
    RECOVERY_IDENTITY: here.recoveryIdentityFile,
    OPERATIONAL_IDENTITY: join(here.folder, 'operational.txt'),
    PATH: `${bin}:${process.env.PATH}`,
    ...variables,
  }
  const command = ['bash', '-euo', 'pipefail', script] as const
  if (answers) {
    const { exitCode, screen } = await typeInto(command, answers, { cwd: here.folder, env })
    return { exitCode, said: screen }
  }
  const [shell, ...args] = command
  const { exitCode, all } = await execa(shell, args, {
    stdin: 'ignore',
    reject: false,
    all: true,
    cwd: here.folder,
    env,
  })
  return { exitCode, said: all ?? '' }
}
