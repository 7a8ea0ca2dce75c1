import { randomBytes } from 'node:crypto'
import { Decrypter, Encrypter, Stanza } from 'age-encryption'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openFile, openStream } from '../../src/seal/age-decrypt.js'
import { sealFile, sealStream } from '../../src/seal/age-encrypt.js'
import { generateIdentity } from '../../src/seal/age-keys.js'
import { encodeBech32 } from '../../src/seal/bech32.js'

const PIECE = 64 * 1024
const SIZES = [0, 1, 15, 16, 17, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 17, 3 * PIECE]
const corrupt = expect.objectContaining({ code: 'object-corrupt' })
const own = generateIdentity()
const other = generateIdentity()
const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0

async function* inParts(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of stream) parts.push(Buffer.from(part))
  return Buffer.concat(parts)
}

test('any bytes come back, and sealing twice gives different files', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 4000 }), async plain => {
      const file = await sealFile(plain, [own.recipient])
      expect(equal(await openFile(file, [own.identity]), plain)).toBe(true)
      expect(equal(await sealFile(plain, [own.recipient]), file)).toBe(false)
    }),
    { numRuns: 50 },
  )
})

test.each(SIZES)('%i bytes: files and streams read each other, in parts of any size', async size => {
  const plain = randomBytes(size)
  const file = await sealFile(plain, [own.recipient])
  expect(equal(await openFile(file, [own.identity]), plain)).toBe(true)
  for (const part of [997, PIECE, PIECE + 16, 1_000_000]) {
    expect(equal(await collect(openStream(inParts(file, part), [own.identity])), plain)).toBe(true)
    const streamed = await collect(sealStream(inParts(plain, part), [own.recipient]))
    expect(streamed.length).toBe(file.length)
    expect(equal(await openFile(streamed, [own.identity]), plain)).toBe(true)
  }
})

test('age-encryption reads ours and we read its', async () => {
  const plain = randomBytes(PIECE + 5)
  const decrypter = new Decrypter()
  decrypter.addIdentity(own.identity)
  expect(equal(await decrypter.decrypt(await sealFile(plain, [other.recipient, own.recipient])), plain)).toBe(
    true,
  )
  const encrypter = new Encrypter()
  encrypter.addRecipient(own.recipient)
  expect(equal(await openFile(await encrypter.encrypt(plain), [own.identity]), plain)).toBe(true)
})

test('each recipient opens, whichever identities come first, and nobody else', async () => {
  const third = generateIdentity()
  const file = await sealFile(Buffer.from('both'), [own.recipient, other.recipient])
  for (const keys of [[own], [other], [third, other], [third, own, other]]) {
    const plain = await openFile(
      file,
      keys.map(key => key.identity),
    )
    expect(Buffer.from(plain).toString()).toBe('both')
  }
  const wrong = { code: 'key-wrong', message: expect.stringContaining('none of the 1 identities') }
  await expect(openFile(file, [third.identity])).rejects.toMatchObject(wrong)
  await expect(openFile(file, [])).rejects.toMatchObject({ code: 'key-wrong' })
})

test('no flipped bit passes', async () => {
  const file = await sealFile(Buffer.from('short'), [own.recipient])
  for (let bit = 0; bit < file.length * 8; bit++) {
    const changed = file.slice()
    changed[bit >> 3]! ^= 1 << (bit & 7)
    await expect(openFile(changed, [own.identity]), `bit ${bit}`).rejects.toMatchObject({
      code: expect.stringMatching(/^(object-corrupt|key-wrong)$/),
    })
  }
})

test('no file cut short or added to passes, as a file or as a stream', async () => {
  const small = await sealFile(Buffer.from('short'), [own.recipient])
  const big = await sealFile(randomBytes(2 * PIECE), [own.recipient])
  const sealedPiece = PIECE + 16
  const damaged = [
    ...Array.from({ length: small.length }, (_, length) => small.subarray(0, length)),
    ...[1, 16, sealedPiece - 1, sealedPiece, sealedPiece + 1].map(gone => big.subarray(0, big.length - gone)),
    ...[1, 16, sealedPiece].map(more => Buffer.concat([big, Buffer.alloc(more)])),
    Buffer.concat([small, small]),
  ]
  for (const file of damaged) {
    await expect(openFile(file, [own.identity]), `${file.length} bytes`).rejects.toThrow(corrupt)
    await expect(collect(openStream(inParts(file, 4096), [own.identity]))).rejects.toThrow(corrupt)
  }
})

test('pieces cannot change places', async () => {
  const file = await sealFile(randomBytes(3 * PIECE), [own.recipient])
  const end = file.length
  const piece = PIECE + 16
  const [a, b, c] = [3, 2, 1].map(back => file.subarray(end - back * piece, end - (back - 1) * piece))
  const swapped = Buffer.concat([file.subarray(0, end - 3 * piece), b!, a!, c!])
  await expect(openFile(swapped, [own.identity])).rejects.toThrow(corrupt)
})

test('what is no age file is corrupt, not a wrong key; an endless header ends', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('hello'), randomBytes(300_000)]) {
    await expect(openFile(bytes, [own.identity])).rejects.toThrow(corrupt)
    await expect(collect(openStream(inParts(bytes, 999), [own.identity]))).rejects.toThrow(corrupt)
  }
  let asked = 0
  const endless = async function* () {
    for (;;) {
      asked++
      yield Buffer.from('-> X25519 '.repeat(100))
    }
  }
  await expect(collect(openStream(endless(), [own.identity]))).rejects.toThrow(corrupt)
  expect(asked).toBeLessThan(100)
})

test('a stream left early lets its source go', async () => {
  let closed = false
  const source = async function* () {
    try {
      for (;;) yield new Uint8Array(PIECE)
    } finally {
      closed = true
    }
  }
  for await (const _ of openStream(sealStream(source(), [own.recipient]), [own.identity])) break
  expect(closed).toBe(true)
})

test('bad keys are refused before anything is sealed', async () => {
  const lowOrder = encodeBech32('age', new Uint8Array(32))
  for (const bad of ['age1nonsense', other.identity, lowOrder]) {
    await expect(sealFile(Buffer.from('x'), [own.recipient, bad])).rejects.toMatchObject({
      code: 'key-invalid',
    })
  }
  await expect(sealFile(Buffer.from('x'), [])).rejects.toMatchObject({ code: 'key-missing' })
  const file = await sealFile(Buffer.from('x'), [own.recipient])
  await expect(openFile(file, [own.recipient])).rejects.toMatchObject({ code: 'key-invalid' })
})

test('a stanza of another kind is passed over', async () => {
  const encrypter = new Encrypter()
  encrypter.addRecipient({ wrapFileKey: () => [new Stanza(['example.com/kind', 'x'], randomBytes(70))] })
  encrypter.addRecipient(own.recipient)
  const file = await encrypter.encrypt('hello')
  expect(Buffer.from(await openFile(file, [own.identity])).toString()).toBe('hello')
})
