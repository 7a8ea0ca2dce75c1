import * as age from 'age-encryption'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  generateIdentity,
  identityKey,
  parseIdentityFile,
  publicBytes,
  recipientBytes,
  recipientOf,
} from '../../src/seal/age-keys.js'
import { decodeBech32, encodeBech32 } from '../../src/seal/bech32.js'

const invalid = expect.objectContaining({ code: 'key-invalid' })

test('bech32: any bytes come back, in either case, and one changed character never passes', () => {
  const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(), fc.nat(), (bytes, place, other) => {
      const text = encodeBech32('age-secret-key-', bytes)
      expect(decodeBech32(text)).toEqual({ prefix: 'age-secret-key-', bytes })
      expect(decodeBech32(text.toUpperCase())).toEqual({ prefix: 'age-secret-key-', bytes })
      const at = text.lastIndexOf('1') + 1 + (place % (text.length - text.lastIndexOf('1') - 1))
      const char = alphabet[other % 32]
      if (char !== text[at]) expect(decodeBech32(text.slice(0, at) + char + text.slice(at + 1))).toBeNull()
    }),
  )
})

test('bech32: the vectors of BIP 173', () => {
  const split = 'split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w'
  for (const text of ['A12UEL5L', 'a12uel5l', '?1ezyfcl'])
    expect(decodeBech32(text)?.bytes).toEqual(new Uint8Array())
  expect(decodeBech32('abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw')?.prefix).toBe('abcdef')
  expect(decodeBech32(split)?.prefix).toBe('split')
  const bad = [
    '\x201nwldj5',
    '\x7f1axkwrx',
    'pzry9x0s0muk',
    '1pzry9x0s0muk',
    'x1b4n0q5v',
    'li1dgmt3',
    'A1G7SGD8',
  ]
  for (const text of [...bad, '10a06t8', '1qzzfhee', 'A12uEL5L', ''])
    expect(decodeBech32(text), text).toBeNull()
})

test('bech32: left-over bits are fewer than five and zero, so that one text means one key', () => {
  expect(decodeBech32('age1luyvfgxs')?.bytes).toEqual(Uint8Array.of(0xff))
  for (const text of ['age1lae6aamz', 'age1luqrr2q7m']) expect(decodeBech32(text), text).toBeNull()
})

test('keys are those of age: our recipient is the one that age-encryption derives', async () => {
  for (let i = 0; i < 20; i++) {
    const { identity, recipient } = generateIdentity()
    expect(identity).toMatch(/^AGE-SECRET-KEY-1[A-Z0-9]{58}$/)
    expect(await age.identityToRecipient(identity)).toBe(recipient)
    const theirs = await age.generateX25519Identity()
    expect(recipientOf(theirs)).toBe(await age.identityToRecipient(theirs))
    expect(publicBytes(identityKey(identity))).toEqual(Buffer.from(recipientBytes(recipient)))
  }
})

test('what is no key is refused, and an identity is never repeated in the error', async () => {
  const { identity, recipient } = generateIdentity()
  const hybrid = await age.generateHybridIdentity()
  const noIdentity = [
    recipient,
    identity.toLowerCase(),
    `${identity}Q`,
    identity.slice(1),
    ` ${identity}`,
    hybrid,
    '',
  ]
  for (const text of noIdentity) expect(() => identityKey(text), text).toThrow(invalid)
  const short = encodeBech32('age', new Uint8Array(31))
  const noRecipient = [
    recipient.toUpperCase(),
    `${recipient} `,
    recipient.slice(0, -1),
    short,
    'ssh-ed25519 AAAA',
    '',
  ]
  for (const text of noRecipient) expect(() => recipientBytes(text), text).toThrow(invalid)
  for (const call of [
    () => recipientBytes(identity),
    () => identityKey(`${identity}x`),
    () => parseIdentityFile(`x${identity}`),
  ]) {
    expect(call).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(identity.slice(20, 30)) }),
    )
  }
})

test('an identity file has comments and several keys', () => {
  const [one, two] = [generateIdentity(), generateIdentity()]
  const text = `# created: 2026-11-23\r\n# public key: ${one.recipient}\r\n${one.identity}\r\n\n  ${two.identity}`
  expect(parseIdentityFile(text)).toEqual([one.identity, two.identity])
  for (const empty of ['', '# nothing\n']) expect(() => parseIdentityFile(empty)).toThrow(invalid)
  expect(() => parseIdentityFile(one.identity.toLowerCase())).toThrow(/line 1/)
  expect(() => parseIdentityFile(`${one.identity}\n${two.recipient}\n`)).toThrow(/line 2/)
})
