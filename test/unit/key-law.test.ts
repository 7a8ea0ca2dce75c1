// The order of keys is that of their UTF-8 bytes, whatever is in them; and every key that the layout makes is lawful.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { newBackupId, parseBackupId, parseChunkId, parseInstant } from '../../src/domain/ids.js'
import { tenantSubject } from '../../src/domain/subject.js'
import { byUtf8, checkKey } from '../../src/store/key-law.js'
import {
  byNewest,
  chunkKey,
  DAEMON_LEASE,
  leaseKey,
  manifestKey,
  tenantKeyKey,
} from '../../src/store/keys.js'

it('orders as the bytes do', () => {
  const unit = fc.constantFrom(
    'a',
    '/',
    '.',
    '\u007f',
    'é',
    '\ud7ff',
    '\ue000',
    '～',
    '\uffff',
    '\u{10000}',
    '\u{1f600}',
  )
  const text = fc.oneof(fc.string({ unit }), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(byUtf8(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))))
    }),
    { numRuns: 2_000 },
  )
})

it('takes every key of every tenant whose name fits a database', () => {
  const name = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 63 })
    .filter(one => one.isWellFormed() && Buffer.byteLength(one) <= 63)
  fc.assert(
    fc.property(name, tenant => {
      const { id } = tenantSubject(tenant, 'db')
      const backup = newBackupId()
      const instant = parseInstant('20261123T021500.000Z')
      checkKey(chunkKey(id, parseChunkId('ab'.repeat(32))))
      checkKey(manifestKey({ subject: id, instant, kind: 'scheduled', backup }))
      checkKey(leaseKey(id))
      checkKey(tenantKeyKey(id))
    }),
  )
  checkKey(DAEMON_LEASE)
})

it('takes a key up to its limits, which are of bytes and not of letters', () => {
  const refused = (key: string) => {
    expect(() => checkKey(key)).toThrow(/not a key/)
  }
  for (const [letter, bytes] of [
    ['a', 1],
    ['é', 2],
    ['～', 3],
  ] as const) {
    const longest = (most: number) => letter.repeat(Math.floor(most / bytes)) + 'a'.repeat(most % bytes)
    checkKey(longest(255))
    refused(`${longest(255)}a`)
    const folders = `${longest(255)}/${longest(255)}/${longest(255)}/`
    checkKey(`x/${folders}${longest(254)}`)
    refused(`x/${folders}${longest(255)}`)
  }
})

it('orders backups of one instant by their ids, whatever order they come in', () => {
  const instant = parseInstant('20261123T021500.000Z')
  const names = ['aaaaaaaaaaaa', 'cccccccccccc', 'bbbbbbbbbbbb'].map(id => ({
    subject: tenantSubject('acme', 'db').id,
    instant,
    kind: 'scheduled' as const,
    backup: parseBackupId(id),
  }))
  for (const some of [names, [...names].reverse()])
    expect([...some].sort(byNewest).map(name => name.backup[0])).toEqual(['c', 'b', 'a'])
})
