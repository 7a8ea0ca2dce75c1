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

/** What a person types after a question, without the blanks around it. */
export type Ask = (question: string) => Promise<string>

/** Several questions in one sitting. @throws Failure confirmation-missing when the input ends before it is answered. */
export async function asked<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  const ended = new Promise<never>((_, reject) => {
    reader.once('close', () =>
      reject(
        new Failure('confirmation-missing', 'the input ended before the question was answered', {
          hint: 'nothing was changed; type the command again',
        }),
      ),
    )
  })
  ended.catch(() => {})
  try {
    return await work(async question => (await Promise.race([reader.question(question), ended])).trim())
  } finally {
    reader.close()
  }
}

const missing = (message: string, tenant: string): Failure =>
  new Failure('confirmation-missing', message, {
    hint: `type the tenant's name where it is asked, or pass --yes-restore ${shellWord(tenant)}`,
  })
