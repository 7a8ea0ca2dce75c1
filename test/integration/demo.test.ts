// `npm run demo` as it is typed, on small tenants: what it claims is so, and whatever ends it leaves nothing behind.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { temporaryFolder } from '../kit/cluster.js'

const DEMO = join(process.cwd(), 'dist/test/kit/demo.js')
const SMALL = ['--megabytes', '1.5']

let place: Awaited<ReturnType<typeof temporaryFolder>>
let children: ChildProcess[]

beforeEach(async () => {
  place = await temporaryFolder()
  // A server started by root runs as another user, and passes through.
  await execa('chmod', ['711', place.path])
  children = []
})

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const pid of processesIn(place.path)) process.kill(pid, 'SIGKILL')
  await place.remove()
})

/** Every process that has the folder in its command line or works in it. */
function processesIn(folder: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)
      } catch {
        return false
      }
    })
    .map(Number)
}

async function nothingLeft(): Promise<void> {
  await expect
    .poll(() => ({ files: readdirSync(place.path), processes: processesIn(place.path) }), { timeout: 90_000 })
    .toEqual({ files: [], processes: [] })
}

interface Telling {
  child: ChildProcess
  /** All that was said so far, on both channels. */
  text(): string
  ended: Promise<{ exitCode: number | null; text: string }>
}

function tell(...args: string[]): Telling {
  const child = spawn(process.execPath, [DEMO, ...SMALL, ...args], {
    env: { ...process.env, TMPDIR: place.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
  }
  const ended = once(child, 'close').then(([exitCode]) => ({ exitCode: exitCode as number | null, text }))
  return { child, text: () => text, ended }
}

const until = (telling: Telling, words: string) =>
  expect.poll(telling.text, { timeout: 90_000, interval: 20 }).toContain(words)

/** `5.91 MB` as a number. */
function bytesOf(words: string): number {
  const [, value, unit] = /^([\d.]+) (B|kB|MB|GB)$/.exec(words) ?? []
  return Number(value) * { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit ?? 'B']!
}

test('two nights, an accident, a proven restore, and nothing is left behind', async () => {
  const { exitCode, text } = await tell().ended
  expect({ exitCode, text }).toMatchObject({ exitCode: 0 })
  const nights = [...text.matchAll(/^ {3}6 backups in [^:]+: (.+) dumped, (.+) stored\.$/gm)]
  const [first, second] = nights.map(([, dumped = '', stored = '']) => [bytesOf(dumped), bytesOf(stored)])
  expect(nights).toHaveLength(2)
  expect(second?.[0]).toBeGreaterThanOrEqual(first?.[0] ?? Number.NaN)
  expect(second?.[1]).toBeLessThan((first?.[1] ?? 0) / 2)
  const [, percent] = /^ {3}That is ([\d.]+) % of the first night/m.exec(text) ?? []
  expect(Number(percent)).toBeCloseTo((100 * (second?.[1] ?? 0)) / (first?.[1] ?? 0), -1)
  // Two tenants, the master and the roles had a day off.
  expect(text.match(/^ {3}ok {2}.*; nothing new$/gm)).toHaveLength(4)
  expect(text).toMatch(/^ {3}invoices +\d+ .* equal$/m)
  expect(text).toMatch(/… and 48 more\. 56 tables, [\d ]+ rows, .*: all equal$/m)
  expect(text).not.toMatch(/DIFFERS|Warning|undefined|NaN/)
  const lines = text.replaceAll(place.path, '/tmp').split('\n')
  const progress = /^ {3}ok /
  expect(lines.filter(line => line.length > (progress.test(line) ? 100 : 80))).toEqual([])
  await nothingLeft()
})

test('Ctrl-C in the middle of a night ends everything, and says so', async () => {
  const telling = tell()
  await until(telling, 'The first night')
  telling.child.kill('SIGINT')
  const { exitCode, text } = await telling.ended
  expect(text).toContain('error: interrupted by SIGINT [interrupted]')
  expect(exitCode).toBe(130)
  await nothingLeft()
})

test('Ctrl-C while the platform is being made ends everything', async () => {
  const telling = tell()
  await until(telling, 'A platform to protect')
  telling.child.kill('SIGINT')
  expect(await telling.ended).toMatchObject({ exitCode: 130 })
  await nothingLeft()
})

test('killed outright, it still leaves nothing behind', async () => {
  const telling = tell()
  await until(telling, 'The first night')
  telling.child.kill('SIGKILL')
  await telling.ended
  await nothingLeft()
})

test('kept, each command it prints works, and the last one ends it all', async () => {
  const { exitCode, text } = await tell('--keep').ended
  expect({ exitCode, text }).toMatchObject({ exitCode: 0 })
  const commands = [...text.matchAll(/^ {3}\$ (.*)$/gm)].map(match => match[1] ?? '')
  expect(commands).toHaveLength(10)
  const said: string[] = []
  for (const command of commands) {
    const {
      stdout,
      stderr,
      exitCode: code,
    } = await execa('bash', ['-o', 'pipefail', '-c', command], {
      reject: false,
    })
    expect({ command, code, stderr }).toMatchObject({ code: 0 })
    said.push(stdout)
  }
  const [status, tenants, backups, backup, restored, retention, runs, health, undropped] = said
  expect(status).toMatch(/^ok +acme /m)
  expect(tenants).toMatch(/^acme +gmah_org_acme +20/m)
  expect(backups?.match(/acme/g)?.length).toBeGreaterThanOrEqual(2)
  expect(backup).toMatch(/^public\.invoices +\d+ /m)
  expect(restored).toMatch(/^proven: 56 tables/m)
  expect(retention).toContain('keep')
  expect(runs?.match(/succeeded$|succeeded /gm)).toHaveLength(4)
  expect(JSON.parse(health ?? '')).toMatchObject({ status: 'alive' })
  expect(undropped).toBe('')
  await nothingLeft()
}, 300_000)

test('it says what it can be asked for, and refuses the rest', async () => {
  const help = await execa('node', [DEMO, '--help'])
  expect(help.stdout).toContain('--keep')
  const wrong = await execa('node', [DEMO, '--megabytes', 'much'], { reject: false })
  expect(wrong.exitCode).toBe(2)
  expect(wrong.stderr).toContain('not a size: much [usage]')
})
