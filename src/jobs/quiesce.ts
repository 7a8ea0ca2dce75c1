// Settles a server's disk right before its snapshot, as far as that goes while it runs. What fails is told and stops nothing:
// a snapshot of a busy disk is worth more than none.
import { asFailure } from '../domain/errors.js'
import type { ServerOrder } from '../domain/snapshot-settings.js'
import { withSession } from '../postgres/connection.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { startChild } from '../sys/child.js'
import { throwIfInterrupted } from '../sys/interruption.js'
import type { Parts } from './parts.js'

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** @returns what did not work, in words. */
export async function quiesce(
  { config }: Parts,
  { checkpoint, command, server }: ServerOrder,
  signal: AbortSignal,
): Promise<string[]> {
  const steps: [string, () => Promise<unknown>][] = []
  if (command) steps.push([command[0] ?? '', () => run(command, server, signal)])
  if (checkpoint) {
    const { postgres } = config
    const ask = () =>
      withSession(postgres, maintenanceDatabase(postgres), { signal }, session => session.query('CHECKPOINT'))
    steps.push(['CHECKPOINT', ask])
  }
  const failed: string[] = []
  for (const [name, step] of steps) {
    try {
      await step()
    } catch (thrown) {
      throwIfInterrupted(signal)
      failed.push(`${name} before the snapshot failed: ${asFailure(thrown).message}`)
    }
  }
  return failed
}

async function run(command: readonly string[], server: string, signal: AbortSignal): Promise<void> {
  const [file = '', ...args] = command
  const child = startChild(file, { args, env: { PATH, SERVER: server }, signal })
  child.stdin.end()
  child.stdout.resume()
  const { exitCode, endedBy, stderr } = await child.result
  if (exitCode !== 0) throw new Error(`${endedBy ?? `exit status ${exitCode}`}: ${stderr.trim()}`)
}
