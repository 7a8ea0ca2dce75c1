// The built program as processes of their own: the daemon with what it logs and answers, and a command line to be killed.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parse, stringify } from 'yaml'
import { loadConfig } from '../../src/config.js'
import { until } from './clock.js'
import { CLI, type Installation, MAIN } from './installation.js'

export interface LogLine {
  time: string
  level: number
  msg: string
  [name: string]: unknown
}

export interface End {
  code: number | null
  signal: string | null
}

export interface DaemonProcess {
  pid: number
  /** Resolves at the message a process manager waits for; rejects when the process ends first. */
  ready: Promise<void>
  ended: Promise<End>
  log: readonly LogLine[]
  stderr(): string
  /** The first line of the log whose message fits, waited for. */
  said(message: RegExp): Promise<LogLine>
  /** An HTTP answer: the port is the one the log tells. */
  http(path: string): Promise<{ status: number; text: string }>
  kill(signal: NodeJS.Signals): void
}

/** Starts the daemon on an installation as PM2 does, with a message channel. Kill it, or let it end, in the test. */
export function startDaemon(here: Installation): DaemonProcess {
  const child = fork(MAIN, [], {
    cwd: here.folder,
    env: { ...process.env, GMAH_BACKUP_CONFIG: here.configFile },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const { log, stderr } = listen(child)
  const ended = endOf(child)
  const said = async (message: RegExp): Promise<LogLine> => {
    const find = () => log.find(line => message.test(line.msg))
    await until(() => find() !== undefined || child.exitCode !== null || child.signalCode !== null)
    const found = find()
    if (found) return found
    throw new Error(`the daemon ended without saying ${message}: ${stderr()} ${JSON.stringify(log)}`)
  }
  const ready = Promise.race([
    once(child, 'message').then(() => {}),
    ended.then(end => {
      throw new Error(`the daemon ended before it was ready: ${JSON.stringify(end)} ${stderr()}`)
    }),
  ])
  ready.catch(() => {})
  return {
    pid: child.pid as number,
    ready,
    ended,
    log,
    stderr,
    said,
    http: async path => {
      const { address } = await said(/^the daemon is ready/)
      const answer = await fetch(`${address}${path}`)
      return { status: answer.status, text: await answer.text() }
    },
    kill: signal => void child.kill(signal),
  }
}

/** The daemon of one installation, life after life. Kill the last one in the end. */
export function daemonLives(here: () => Installation) {
  let daemon: DaemonProcess | null = null
  return {
    begin: async (): Promise<DaemonProcess> => {
      daemon = startDaemon(here())
      await daemon.ready
      return daemon
    },
    end: async (one: DaemonProcess): Promise<void> => {
      one.kill('SIGTERM')
      const { code } = await one.ended
      if (code !== 0) throw new Error(`the daemon ended with ${code}: ${one.stderr()}`)
    },
    /** Whatever became of it. */
    kill: async (): Promise<void> => {
      daemon?.kill('SIGKILL')
      await daemon?.ended
    },
  }
}

/** Starts the built command line and gives the process itself, to be killed. */
export function startCli(
  here: Installation,
  ...args: string[]
): Pick<DaemonProcess, 'pid' | 'ended' | 'kill'> {
  const child = spawn('node', [CLI, '--config', here.configFile, ...args], {
    cwd: here.folder,
    stdio: 'ignore',
  })
  return { pid: child.pid as number, ended: endOf(child), kill: signal => void child.kill(signal) }
}

/** Not at its exit: what it said last may be on its way still. */
const endOf = (child: ChildProcess): Promise<End> =>
  once(child, 'close').then(([code, signal]) => ({ code, signal }))

function listen(child: ChildProcess): { log: LogLine[]; stderr(): string } {
  const log: LogLine[] = []
  let errors = ''
  if (!child.stdout || !child.stderr) throw new Error('the pipes are there')
  createInterface({ input: child.stdout }).on('line', line => log.push(JSON.parse(line)))
  child.stderr.on('data', part => {
    errors += part
  })
  return { log, stderr: () => errors }
}

/** Changes the configuration file; the app that is open in this process keeps the old one. */
export function editConfig(
  here: Installation,
  change: (config: Record<string, Record<string, unknown>>) => void,
): void {
  const config = parse(readFileSync(here.configFile, 'utf8'))
  change(config)
  writeFileSync(here.configFile, stringify(config), { mode: 0o600 })
}

/** Changes the one schedule. */
export function editSchedule(here: Installation, change: Record<string, unknown>): void {
  const file = join(here.folder, 'schedules', 'nightly.yaml')
  writeFileSync(file, stringify({ ...parse(readFileSync(file, 'utf8')), ...change }))
}

/** A night that was missed: the next daemon to start makes up for it at once. Each number from 0 to 59 is another night. */
export function missNight(here: Installation, minute: number): void {
  editSchedule(here, { cron: `${minute} 1 1 1 *` })
  const [schedule] = loadConfig({ path: here.configFile }).config.schedules
  if (!schedule) throw new Error('the installation has one schedule')
  here.app.states.setSince(schedule, new Date('2020-01-01T00:00:00Z'))
}
