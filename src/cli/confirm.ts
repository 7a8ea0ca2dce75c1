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
export const confirmTenant = (terminal: Terminal, tenant: string, given: string | undefined): Promise<void> =>
  confirmTenants(terminal, [tenant], given === undefined ? [] : [given])

/** The same for several, each by its own name: those that were not passed are asked. */
export async function confirmTenants(
  terminal: Terminal,
  tenants: readonly string[],
  given: readonly string[],
): Promise<void> {
  const foreign = given.find(name => !tenants.includes(name))
  const left = tenants.filter(tenant => !given.includes(tenant))
  if (foreign !== undefined)
    throw missing(`${foreign} was confirmed, not ${left.join(', ') || 'asked for'}`, left)
  if (left.length === 0) return
  if (terminal.json || process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    throw missing(`nobody is there to confirm the restore of ${left.join(', ')}`, left)
  }
  await asked(async ask => {
    for (const tenant of left)
      if ((await ask(`type ${harmless(tenant)} to go on: `)) !== tenant)
        throw missing(`the restore of ${tenant} was not confirmed`, [tenant])
  })
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

const missing = (message: string, tenants: readonly string[]): Failure =>
  new Failure('confirmation-missing', message, {
    hint:
      tenants.length === 0
        ? 'nothing is replaced that is not confirmed already: leave it out'
        : `type the tenant's name where it is asked, or pass ${tenants.map(one => `--yes-restore ${shellWord(one)}`).join(' ')}`,
  })
