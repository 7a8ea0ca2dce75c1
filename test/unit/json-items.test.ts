// Long JSON documents item by item: what is cut is what JSON.parse would have given, wherever the parts of the stream end.
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { type JsonItem, jsonItems } from '../../src/seal/json-items.js'

async function* inParts(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function cut(text: string, entered: string[], size = 7): Promise<JsonItem[]> {
  const items: JsonItem[] = []
  for await (const item of jsonItems(inParts(text, size), new Set(entered))) items.push(item)
  return items
}

const value = fc.jsonValue({ maxDepth: 3 })
const key = fc.string({ unit: 'grapheme', maxLength: 5 }).filter(one => !one.includes('.'))

test('any object, laid out in any way and cut anywhere, gives its members and the elements of its lists', async () => {
  const document = fc.record({
    before: fc.dictionary(key, value, { maxKeys: 4 }),
    list: fc.array(value, { maxLength: 6 }),
    inner: fc.record({ plain: value, list: fc.array(value, { maxLength: 4 }) }),
  })
  await fc.assert(
    fc.asyncProperty(
      document,
      fc.nat({ max: 2 }),
      fc.integer({ min: 1, max: 50 }),
      async (one, indent, size) => {
        const text = JSON.stringify(one, null, indent)
        const items = await cut(text, ['list', 'inner', 'inner.list'], size)
        const of = (path: string) =>
          items.filter(item => item.path === path).map(item => JSON.parse(item.text))
        const plain = JSON.parse(text)
        expect(of('before')).toEqual([plain.before])
        expect(of('list')).toEqual(plain.list)
        expect(of('inner.plain')).toEqual([plain.inner.plain])
        expect(of('inner.list')).toEqual(plain.inner.list)
        expect(items).toHaveLength(2 + plain.list.length + plain.inner.list.length)
      },
    ),
  )
})

describe('what is no such document is refused', () => {
  it.each([
    ['nothing', ''],
    ['a list', '[1]'],
    ['a number', '1 '],
    ['one that is cut short in a value', '{"a": [1, 2'],
    ['one that is cut short in a string', '{"a": "b'],
    ['one that is cut short in its list', '{"list": [1,2'],
    ['one that is closed by another bracket', '{"list": [1}'],
    ['one with a key that is none', '{a: 1}'],
    ['one with a key that has no value', '{"a"}'],
    ['one with something behind it', '{"a": 1} x'],
  ])('%s', async (_, text) => {
    await expect(cut(text, ['list'])).rejects.toMatchObject({ code: 'object-corrupt' })
  })
})
