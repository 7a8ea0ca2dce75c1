// Children: what they get of us, how their end is told, and that none outlives its purpose.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { runChild, startChild } from '../../src/sys/child.js'
import { stillRuns } from '../../src/sys/process-identity.js'
import { until } from '../kit/clock.js'
import { failureOf } from '../kit/failing.js'

const env = { PATH: '/usr/bin:/bin' }
const sh = (script: string, more: Partial<Parameters<typeof startChild>[1]> = {}) =>
  startChild('sh', { args: ['-c', script], env, ...more })

test('a child has the environment that it is given and nothing of ours', async () => {
  process.env.GMAH_TEST_SECRET = 'secret'
  try {
    const said = await runChild('env', { args: [], env: { ...env, PGHOST: '/run' } })
    expect(said.trim().split('\n').sort()).toEqual(['PATH=/usr/bin:/bin', 'PGHOST=/run'])
  } finally {
    delete process.env.GMAH_TEST_SECRET
  }
})

test('its end is told as it was: by itself, or by a signal', async () => {
  const ends = ['exit 0', 'exit 3', 'kill -9 $$'].map(async script => {
    const child = sh(script)
    child.stdout.resume()
    const { exitCode, endedBy } = await child.result
    return [exitCode, endedBy]
  })
  expect(await Promise.all(ends)).toEqual([
    [0, null],
    [3, null],
    [null, 'SIGKILL'],
  ])
})

test('of what it said on stderr the last is kept, and no more than 16 KiB', async () => {
  const child = sh('head -c 100000 /dev/zero | tr "\\0" x >&2; echo the reason >&2')
  child.stdout.resume()
  const { stderr } = await child.result
  expect(stderr).toHaveLength(16 * 1024)
  expect(stderr.endsWith('xxx'.concat('the reason\n'))).toBe(true)
})

test('one that does not read its stdin harms nobody', async () => {
  const child = sh('exec 0<&-; exit 0')
  child.stdout.resume()
  child.stdin.write(Buffer.alloc(1_000_000))
  expect((await child.result).exitCode).toBe(0)
})

test('a command that fails, or is ended from outside, is a failure with its last words', async () => {
  for (const end of ['exit 1', 'kill -9 $$']) {
    const failure = await failureOf(runChild('sh', { args: ['-c', `echo why >&2; ${end}`], env }))
    expect([failure.code, (failure.cause as Error).message]).toEqual(['child-failed', 'why'])
  }
  expect((await failureOf(runChild('no-such-tool', { args: [], env }))).code).toBe('tool-missing')
})

test('a signal of ours ends it, and its reason is told', async () => {
  const stop = new AbortController()
  const reason = new Failure('interrupted', 'stop')
  const child = sh('exec sleep 600', { signal: stop.signal })
  const running = runChild('sleep', { args: ['600'], env, signal: stop.signal })
  stop.abort(reason)
  await expect(running).rejects.toBe(reason)
  child.stdout.resume()
  expect((await child.result).endedBy).toBe('SIGTERM')
  expect(stillRuns(child.pid ?? 0)).toBe(false)
})

test('it goes with us when we leave by ourselves', async () => {
  const built = new URL('../../dist/src/sys/child.js', import.meta.url).href
  const script = `const { startChild } = await import(${JSON.stringify(built)})
    const child = startChild('sleep', { args: ['600'], env: {} })
    console.log(child.pid)
    setTimeout(() => process.exit(0), 100)`
  const us = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = await once(us.stdout, 'data')
  const pid = Number(String(said).trim())
  await once(us, 'close')
  await until(() => !stillRuns(pid))
})
