// Signals on a real process: drain, interrupt, the last call, rereading, and telling the process manager.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'

async function start(drainMs: number, manner: string) {
  const child = fork('dist/test/kit/lifecycle-child.js', [String(drainMs), manner], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ready = once(child, 'message')
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>
  if (!child.stdout) throw new Error('stdout is a pipe')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => (await lines.next()).value ?? '(end)'
  expect(await ready).toEqual(['ready', undefined])
  expect(await line()).toBe('up')
  return { child, line, ended }
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s: work that ends within the budget is not interrupted',
  async signal => {
    const { child, line, ended } = await start(60_000, 'quick')
    child.kill(signal)
    expect(await line()).toBe(`stopping: stopped by ${signal}`)
    expect(await line()).toBe('(end)')
    expect(await ended).toEqual([0, null])
  },
)

test('the budget spent, work is interrupted', async () => {
  const { child, line, ended } = await start(50, 'obey')
  child.kill('SIGINT')
  expect(await line()).toMatch(/^stopping/)
  expect(await line()).toMatch(/^interrupted: stopped by SIGINT, and the 0 seconds/)
  expect(await ended).toEqual([0, null])
})

test('a second signal interrupts at once', async () => {
  const { child, line, ended } = await start(600_000, 'obey')
  child.kill('SIGINT')
  expect(await line()).toMatch(/^stopping/)
  child.kill('SIGTERM')
  expect(await line()).toBe('interrupted: stopped by SIGTERM, for the second time')
  expect(await ended).toEqual([0, null])
})

test('work that ignores the interruption is left behind with exit code 130', async () => {
  const { child, line, ended } = await start(50, 'ignore')
  child.kill('SIGINT')
  expect(await line()).toMatch(/^stopping/)
  expect(await line()).toMatch(/^interrupted/)
  expect(await ended).toEqual([130, null])
})

test('SIGHUP rereads, as often as it comes, and a failed rereading ends nothing', async () => {
  const { child, line } = await start(50, 'broken')
  for (let n = 0; n < 2; n++) {
    child.kill('SIGHUP')
    expect(await line()).toBe('reload')
    expect(await line()).toBe('failed: bad file')
  }
  expect(child.exitCode).toBeNull()
})
