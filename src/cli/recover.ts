// `recover`: the whole platform on a machine that has nothing but PostgreSQL, this program, the store and an identity.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { asFailure, EXIT, Failure } from '../domain/errors.js'
import type { RecoveryReport } from '../jobs/recover-platform.js'
import { parseCount } from './arguments.js'
import { type Desk, type Doors, type GlobalOptions, reportFailure } from './desk.js'
import { processTerminal, show, type Terminal } from './output.js'
import { watched } from './progress.js'
import { recoveryJson, recoveryText } from './recover-text.js'

interface RecoverOptions extends GlobalOptions {
  store?: string
  host: string
  port: number
  user: string
  folder: string
  first: string[]
  concurrency: number
}

export function recoverCommand(program: Command, doors: Doors): void {
  program
    .command('recover')
    .description('bring the whole platform back on an empty server: roles, master, every tenant, each proven')
    .option(
      '--store <where>',
      'a folder, or https://ENDPOINT/BUCKET[/PREFIX] with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment; without it, the configuration tells',
    )
    .option('--host <host>', 'the new server: a socket directory or a host', '/var/run/postgresql')
    .option('--port <port>', 'its port', parseCount, 5432)
    .option('--user <user>', 'a superuser there', userInfo().username)
    .option('--folder <folder>', 'where --store keeps its configuration and journal', 'gmah-recovery')
    .option(
      '--first <tenants>',
      'these tenants first, by commas',
      text => text.split(',').filter(Boolean),
      [],
    )
    .option('--concurrency <n>', 'databases loaded at once', parseCount, 2)
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<RecoverOptions>()
      const terminal = processTerminal(options)
      await reportFailure(terminal, async () => {
        const config = options.store === undefined ? options.config : await prepare(options.store, options)
        const desk = await doors.openDesk(config === undefined ? options : { ...options, config })
        try {
          return await recover(desk, options, terminal, config)
        } catch (thrown) {
          throw options.store === undefined ? thrown : letGo(desk, asFailure(thrown))
        } finally {
          await desk.close()
        }
      })
    })
}

async function recover(
  desk: Desk,
  { first, concurrency }: RecoverOptions,
  terminal: Terminal,
  config: string | undefined,
): Promise<number> {
  const { recoverPlatform } = await import('../jobs/recover-platform.js')
  const { endOfRestore, restoreBeside } = await import('../jobs/restore-beside.js')
  const report = await watched(terminal, desk.clock, watch =>
    desk.run({ name: 'recover' }, async context => {
      const request = { first, concurrency }
      const result = await recoverPlatform(desk, request, { ...context, watch }, asked =>
        desk.run({ name: 'restore', subject: asked.subject }, async own => {
          const done = await restoreBeside(desk, asked, { ...own, watch })
          return { ...endOfRestore(done), result: done }
        }),
      )
      return { outcome: whole(result) ? 'succeeded' : 'partial', result }
    }),
  )
  show(terminal, recoveryJson(report), () => recoveryText(report, config))
  return whole(report) ? EXIT.ok : EXIT.partial
}

const whole = (report: RecoveryReport): boolean => report.failed.length === 0 && report.problems.length === 0

/**
 * A recovery that saw no backup is none: its configuration goes, so that the right address is simply typed with the same
 * folder. Otherwise the failure says where its run is found.
 */
function letGo({ catalogue, config: { file } }: Desk, failure: Failure): Failure {
  const { code, message, hint, cause } = failure
  const { run, ...facts } = failure.facts
  const nobody = catalogue.newest().length === 0
  if (nobody) rmSync(file, { force: true })
  const told = new Failure(code, message, {
    hint,
    cause,
    facts: nobody ? facts : { ...facts, run, config: file },
  })
  if (failure.stack !== undefined) told.stack = failure.stack
  return told
}

/** A folder with a configuration of its own, which every other command takes afterwards. An earlier try's is taken up again. */
async function prepare(store: string, options: RecoverOptions): Promise<string> {
  const { identity } = options
  if (identity === undefined) {
    throw new Failure('usage', '--store needs --identity', {
      hint: 'give the file with the recovery identity: --identity gmah-recovery.txt',
    })
  }
  const { recipientOfIdentityFile } = await import('../jobs/keys.js')
  const { recoveryConfiguration } = await import('../jobs/recovery-configuration.js')
  const identityFile = resolve(identity)
  const folder = resolve(options.folder)
  const file = join(folder, 'gmah-backup.yaml')
  const text = recoveryConfiguration({
    ...options,
    store: /^https?:\/\//.test(store) ? store : resolve(store),
    identityFile,
    recipient: recipientOfIdentityFile(identityFile),
  })
  if (existsSync(file) && readFileSync(file, 'utf8') !== text) {
    throw new Failure('file-exists', `${folder} belongs to another recovery`, {
      hint: 'name another folder with --folder, or go on with the words of that recovery',
    })
  }
  mkdirSync(join(folder, 'schedules'), { recursive: true, mode: 0o700 })
  writeFileSync(file, text, { mode: 0o600 })
  return file
}
