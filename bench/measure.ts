// Runs a command and says what it cost: wall time, and CPU of it and of everything it waited for.
// The CPU of the PostgreSQL server is nobody's child here, and in no figure.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

export interface Measurement {
  seconds: number
  cpuSeconds: number
  /** What the store grew by. */
  storedBytes?: number
  /** Peak of our process alone. */
  rssBytes?: number
  /** How late the event loop was, 99th percentile. */
  loopP99Ms?: number
}

/** Ticks a second in /proc/<pid>/stat: USER_HZ, 100 on every Linux. */
const TICKS_PER_SECOND = 100

/** Runs one program at a time, so that what our waited-for children used in between is its. @throws Error when it fails. */
export async function measured(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Measurement & { stdout: string }> {
  const cpuBefore = childrenCpuSeconds()
  const start = performance.now()
  const stdout = await run(command, args, env)
  const seconds = (performance.now() - start) / 1000
  return { seconds, cpuSeconds: childrenCpuSeconds() - cpuBefore, stdout }
}

/** The same for a line of shell; a pipe fails when any part of it does. */
export async function measuredShell(line: string, env: Record<string, string>): Promise<Measurement> {
  const { stdout: _, ...measurement } = await measured('bash', ['-o', 'pipefail', '-ec', line], env)
  return measurement
}

/** Sum of the sizes of all files below a folder. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  const files = entries.filter(entry => entry.isFile())
  const sizes = await Promise.all(
    files.map(async file => (await lstat(join(file.parentPath, file.name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function run(command: string, args: readonly string[], env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const said: Buffer[] = []
    child.stdout.on('data', part => said.push(part))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(said).toString())
      else reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? `exit code ${code}`}`))
    })
  })
}

/** cutime and cstime: fields 16 and 17 of proc(5)'s stat, counted behind the name in brackets. */
function childrenCpuSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND
}
