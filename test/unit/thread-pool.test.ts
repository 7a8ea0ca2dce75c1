// A pool of threads: nothing given to it is ever left without an end.
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createThreadPool, type ThreadPool } from '../../src/sys/thread-pool.js'
import { manualClock, until } from '../kit/clock.js'

type Answer = { said: unknown; thread: number }
const pools: ThreadPool<unknown, Answer>[] = []

/** Threads that echo, count themselves, and die when told to. */
const ECHO = `
  import { parentPort, threadId } from 'node:worker_threads'
  parentPort.on('message', async said => {
    if (said === 'exit') process.exit(3)
    if (said === 'throw') throw new Error('thrown')
    await new Promise(resolve => setTimeout(resolve, 5))
    parentPort.postMessage({ said, thread: threadId })
    if (said === 'last words') process.exit(0)
  })`

function pool(code: string, threads = 2, clock = manualClock()): ThreadPool<unknown, Answer> {
  const made = createThreadPool<unknown, Answer>(
    new URL(`data:text/javascript,${encodeURIComponent(code)}`),
    {
      threads,
      clock,
    },
  )
  pools.push(made)
  return made
}

afterEach(async () => {
  for (const one of pools.splice(0)) await one.close()
})

test('each task gets its own answer, on no more threads than were allowed', async () => {
  const { run } = pool(ECHO, 2)
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => run(n, [])))
  expect(answers.map(one => one.said)).toEqual(Array.from({ length: 50 }, (_, n) => n))
  expect(new Set(answers.map(one => one.thread)).size).toBe(2)
})

test('a thread that dies takes its one task with it, and the others go on', async () => {
  const { run } = pool(ECHO, 2)
  for (const death of ['exit', 'throw']) {
    const ends = await Promise.allSettled(['a', death, 'b', 'c', death, 'd'].map(one => run(one, [])))
    expect(ends.map(one => one.status === 'fulfilled')).toEqual([true, false, true, true, false, true])
    const [, died] = ends
    expect(died?.status === 'rejected' && died.reason).toMatchObject({ code: 'unexpected' })
  }
})

test('a thread that dies while it has nothing to do is given nothing any more', async () => {
  const { run } = pool(ECHO, 1)
  const { thread } = await run('last words', [])
  // Gone by now, most likely; what comes while it is still dying may fail, and is not left without an end either.
  await pause(200)
  const next = () => run('next', []).catch(() => ({ thread }))
  await until(async () => (await next()).thread !== thread)
})

test('threads that cannot start end every task given, now and later', async () => {
  const { run } = pool("throw new Error('not today')", 2)
  for (let round = 0; round < 2; round++) {
    const ends = await Promise.allSettled(Array.from({ length: 5 }, (_, n) => run(n, [])))
    expect(ends.map(one => one.status)).toEqual(Array(5).fill('rejected'))
    expect(ends[0]?.status === 'rejected' && ends[0].reason.cause.message).toBe('not today')
  }
})

test('what cannot be sent is refused by itself', async () => {
  const { run } = pool(ECHO, 1)
  await expect(run(() => {}, [])).rejects.toThrow(/could not be cloned/)
  expect((await run('next', [])).said).toBe('next')
})

test('closing waits for what was given before, and refuses what comes later', async () => {
  const made = pool(ECHO, 1)
  let ended = 0
  const given = [1, 2, 3].map(n => made.run(n, []).finally(() => ended++))
  await made.close()
  expect(ended).toBe(3)
  expect((await Promise.all(given)).map(one => one.said)).toEqual([1, 2, 3])
  await expect(made.run(4, [])).rejects.toMatchObject({ code: 'interrupted' })
})

test('threads without work for a minute end, and others start when there is some again', async () => {
  const clock = manualClock()
  const { run } = pool(ECHO, 1, clock)
  const { thread } = await run('a', [])
  await clock.advance(60_000)
  expect((await run('b', [])).thread).toBe(thread)
  await clock.advance(120_000)
  await until(async () => (await run('c', [])).thread !== thread)
})
