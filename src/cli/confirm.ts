// What changes a live tenant is confirmed by typing its name: on a terminal where it is asked, elsewhere as an option.
import { createInterface } from 'node:readline/promises'
import { Failure } from '../domain/errors.js'
import { shellWord } from '../domain/shell-word.js'
import { harmless } from './cells.js'
import type { Terminal } from './output.js'

/**
 * @param given the name passed with --yes-restore; undefined: it is asked, where a person is there to answer.
 * @throws Failure confirmation-missing when it is another name, or nobody can be asked.
 */
export async function confirmTenant(
  terminal: Terminal,
  tenant: string,
  given: string | undefined,
): Promise<void> {
  if (given === tenant) return
  if (given !== undefined) throw missing(`${given} was confirmed, not ${tenant}`, tenant)
  if (terminal.json || process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    throw missing(`nobody is there to confirm the restore of ${tenant}`, tenant)
  }
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await reader.question(`type ${harmless(tenant)} to go on: `).finally(() => reader.close())
  if (answer.trim() !== tenant) throw missing(`the restore of ${tenant} was not confirmed`, tenant)
}

const missing = (message: string, tenant: string): Failure =>
  new Failure('confirmation-missing', message, {
    hint: `type the tenant's name where it is asked, or pass --yes-restore ${shellWord(tenant)}`,
  })
