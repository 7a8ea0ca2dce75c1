// The commands of docs/api.md that put a tenant back in place, as a shell runs them.
import { readFileSync } from 'node:fs'
import { execa } from 'execa'

export interface ApiPage {
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any answer
  sh(command: string): Promise<any>
  /** Plans and restores: what its last answer says. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of a run
  putBack(idempotencyKey: string): Promise<any>
  // biome-ignore lint/suspicious/noExplicitAny: JSON of a run
  undo(run: string): Promise<any>
}

/** @param variables those that the page tells to set: TOKEN, GMAH_BACKUP_URL. */
export function apiPage(variables: () => Record<string, string>): ApiPage {
  const block = /```sh\n(api\(\)[\s\S]*?)```/.exec(readFileSync('docs/api.md', 'utf8'))?.[1] ?? ''
  const [define = '', plan = '', restore = '', undo = ''] = block.split(/^# \d\.[^\n]*\n/m)
  const sh = async (command: string) =>
    JSON.parse((await execa('sh', ['-c', `${define}\n${command}`], { env: variables() })).stdout)
  return {
    sh,
    putBack: async key => sh(restore.replace('PLAN', (await sh(plan)).id).replace('ticket-4711', key)),
    undo: run => sh(undo.replace('RUN', run)),
  }
}
