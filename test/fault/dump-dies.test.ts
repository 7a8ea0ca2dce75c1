// pg_dump dies, lies about its end, or writes what is no archive: nothing of it is committed, what was stored is reused.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { readWhole } from '../kit/archive-pieces.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { dump } from '../kit/dumping.js'
import type { Twist } from '../kit/twisted-tools.js'

const A = 'tenants/a'
let scene: Scene
let whole: Buffer
beforeAll(async () => {
  scene = await setScene(['a'])
  whole = (await dump({ target: scene.cluster.target, database: 'gmah_org_a' })).bytes
})
afterAll(() => scene.end())
afterEach(() => scene.tools.straighten())

/** A night of the one tenant, of which nothing must be committed. */
async function failedNight(twist: Twist) {
  const { here, tools, manifests, told } = scene
  const before = manifests(A)
  tools.twist('pg_dump', twist)
  const { failure, run } = await here.night({ names: ['a'] })
  expect(manifests(A)).toEqual(before)
  expect(here.parts().catalogue.newest().length).toBe(before.length === 0 ? 0 : 1)
  expect(failure).not.toBeNull()
  expect(told(run.id)).toEqual({
    outcome: 'failed',
    error: failure?.code,
    committed: [],
    failed: { [A]: failure?.code },
  })
  return failure
}

test('killed with -9 midway: the chunks stored by then cost the next night nothing', async () => {
  const { here, tools, chunks } = scene
  const failure = await failedNight({
    pass: 600_000,
    untilStored: here.storeFolder,
    signal: 'SIGKILL',
  })
  expect(failure).toMatchObject({
    code: 'dump-failed',
    message: 'pg_dump of "gmah_org_a" ended with signal SIGKILL: it said nothing',
    hint: expect.stringContaining('run the backup again'),
  })
  const left = chunks(A)
  expect(left).toBeGreaterThan(0)
  tools.straighten()
  const { report, failure: none } = await here.night({ names: ['a'] })
  expect(none).toBeNull()
  const stored = report?.succeeded[0]?.stored
  // The piece that ended where the stream broke is in no whole dump.
  expect(stored?.reusedChunks).toBeGreaterThanOrEqual(left - 1)
  expect(chunks(A)).toBe(left + (stored?.newChunks ?? 0))
})

test('killed at any byte: the same', async () => {
  for (const pass of [1, 70, 5_000, whole.length - 1]) {
    expect(await failedNight({ pass, signal: 'SIGKILL' })).toMatchObject({ code: 'dump-failed' })
  }
})

test('exit code 1 behind a stream that looks whole', async () => {
  expect(await failedNight({ exit: 1 })).toMatchObject({
    code: 'dump-failed',
    message: expect.stringContaining('exit code 1'),
  })
})

describe('exit code 0 behind a stream that', () => {
  const refused = (message: string) => ({
    code: 'dump-invalid',
    message: expect.stringContaining(message),
    hint: expect.stringContaining('run the backup again'),
  })

  test('is cut at every kind of boundary', async () => {
    const { tables } = readWhole(whole)
    const [first, last] = tables.map(table => table.offset).sort((one, other) => one - other)
    if (first === undefined || last === undefined) throw new Error('two tables were expected')
    const cuts: [pass: number, message: string][] = [
      [4, 'inside the header'],
      [40, 'inside the header'],
      [2_000, 'inside the table of contents'],
      [first, 'without the data of table public.'],
      [first + 1, 'inside the head of a data block'],
      [first + 6, 'inside the data of table public.items'],
      [first + 100_000, 'inside the data of table public.items'],
      [last, 'without the data of table public.notes'],
      [whole.length - 1, 'inside the data of table public.notes'],
    ]
    for (const [pass, message] of cuts)
      expect(await failedNight({ pass, exit: 0 })).toMatchObject(refused(message))
  })

  test('is empty', async () => {
    expect(await failedNight({ bytes: '' })).toMatchObject(refused('the dump stream is empty'))
  })

  test('is no archive at all', async () => {
    const script = Buffer.from('-- PostgreSQL database dump\n').toString('base64')
    expect(await failedNight({ bytes: script })).toMatchObject({
      code: 'dump-invalid',
      message: expect.stringContaining('not a PostgreSQL archive'),
    })
  })

  test('has a byte too many', async () => {
    const bytes = Buffer.concat([whole, Buffer.from('\n')]).toString('base64')
    expect(await failedNight({ bytes })).toMatchObject(refused('data block of unknown type 10'))
  })

  test('is garbled where its structure is', async () => {
    const { offset } = readWhole(whole).tables[1] ?? { offset: 0 }
    // The magic, the size of an integer, and the kind of a block: what stands at a place is the same in every version.
    for (const flip of [2, 8, offset]) {
      expect(await failedNight({ flip })).toMatchObject({ code: 'dump-invalid' })
    }
  })
})

test('noise on stderr does not fill the memory, and is no failure', async () => {
  // Garbage is collected when it suits the engine: what counts is that it is far less than all of it.
  const noise = 256 * 1024 * 1024
  scene.tools.twist('pg_dump', { chatter: noise })
  const before = process.memoryUsage().rss
  const { failure, report } = await scene.here.night({ names: ['a'] })
  expect(failure).toBeNull()
  expect(report?.succeeded).toHaveLength(1)
  expect(process.memoryUsage().rss - before).toBeLessThan(noise / 2)
})

test('the operator is told what failed, why, and what to type', async () => {
  scene.tools.twist('pg_dump', { pass: 100_000, exit: 0 })
  const { exitCode, stderr } = await scene.here.cli('backup', 'a')
  expect(exitCode).toBe(8)
  expect(stderr).toMatch(/FAILED {2}a: the dump stream ends inside .* \[dump-invalid]/)
  expect(stderr).toMatch(/hint: pg_dump produced no sound archive/)
  expect(stderr).not.toContain('Warning')
})
