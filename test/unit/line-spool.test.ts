// Lists that are too long for memory: they come back in their order, nothing of them is to be found in the folder, neither by
// name nor by content; and two of them are held against each other in any order.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compareSums, type SumList, sumList } from '../../src/repository/compare-sums.js'
import { lineSpool } from '../../src/seal/line-spool.js'
import { textLines } from '../../src/seal/pieces.js'
import { temporaryFolder } from '../kit/cluster.js'

let folder: { path: string; remove(): Promise<void> }
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder.remove())

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of items) found.push(one)
  return found
}

/** Files of this process below the folder, whatever name they had. */
const openFiles = () =>
  readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder.path) ? [`/proc/self/fd/${fd}`] : []
    } catch {
      return []
    }
  })

test('lines come back in their order, also while more are added', async () => {
  const spool = lineSpool(folder.path)
  const lines = Array.from({ length: 5_000 }, (_, n) => `${n} \u{1f600} ${'x'.repeat(n % 60)}`)
  for (const line of lines.slice(0, 4_000)) await spool.add(line)
  const begun = spool.lines()
  expect((await begun.next()).value).toBe(lines[0])
  for (const line of lines.slice(4_000)) await spool.add(line)
  expect(await all(begun)).toEqual(lines.slice(1, 4_000))
  expect(await all(spool.lines())).toEqual(lines)
  expect(spool.count).toBe(lines.length)
  await spool.close()
})

test('few lines never touch the disk; many leave no name, and nothing that can be read', async () => {
  const spool = lineSpool(folder.path)
  await spool.add('a secret')
  expect([await all(spool.lines()), openFiles()]).toEqual([['a secret'], []])
  for (let n = 0; n < 20_000; n++) await spool.add('a secret')
  expect(readdirSync(folder.path)).toEqual([])
  const [file = ''] = openFiles()
  const bytes = readFileSync(file)
  expect(bytes.length).toBeGreaterThan(0)
  expect(bytes.includes('secret')).toBe(false)
  expect(bytes.length).toBeLessThan(20_000)
  await spool.close()
  expect(openFiles()).toEqual([])
})

test('what goes on after the end leaves no file open', async () => {
  const spool = lineSpool(folder.path)
  for (let n = 0; n < 6_000; n++) await spool.add(`line ${n} ${'x'.repeat(20)}`)
  const reading = spool.lines()
  await reading.next()
  await spool.close()
  const closed = { code: 'unexpected', message: expect.stringContaining('closed') }
  await expect(all(reading)).rejects.toMatchObject(closed)
  await expect(spool.add('late')).rejects.toMatchObject(closed)
  expect(openFiles()).toEqual([])
})

test('the lines of a text are the same wherever it is cut', async () => {
  const text = 'one\n\ntwo é\u{1f600}\r\nthree'
  for (let size = 1; size < 12; size++) {
    const bytes = Buffer.from(text)
    const parts = async function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    }
    expect(await all(textLines(parts()))).toEqual(['one', '', 'two é\u{1f600}\r', 'three'])
  }
})

const pairs = fc.array(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'documents/a', 'é', ''), fc.constantFrom('1', '2')),
  {
    maxLength: 12,
  },
)

test('sums are compared as by a table of all of them, in however many turns', async () => {
  await fc.assert(
    fc.asyncProperty(pairs, pairs, fc.integer({ min: 1, max: 20 }), async (found, promised, atOnce) => {
      const lists: SumList[] = []
      for (const one of [found, promised]) {
        const list = sumList(folder.path)
        for (const [name, sha256] of one) await list.note(name, sha256)
        lists.push(list)
      }
      const [mine, theirs] = lists as [SumList, SumList]
      const told: string[] = []
      const say = (_: number, name: string, sum: string | undefined) => void told.push(`${name} ${sum}`)
      const names = await compareSums(mine, [theirs], say, atOnce)
      const table = new Map(found)
      expect(names).toBe(table.size)
      const wrong = promised.filter(([name, sha256]) => table.get(name) !== sha256)
      expect(told.toSorted()).toEqual(wrong.map(([name]) => `${name} ${table.get(name)}`).toSorted())
      for (const list of lists) await list.close()
    }),
  )
})
