// What Debian's own age writes we read, and the other way round.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, expect, test } from 'vitest'
import { openFile, openStream } from '../../src/seal/age-decrypt.js'
import { sealFile, sealStream } from '../../src/seal/age-encrypt.js'
import { generateIdentity, parseIdentityFile, recipientOf } from '../../src/seal/age-keys.js'

const KIB = 1024
const SIZES = [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 128 * KIB, 1024 * KIB, 1024 * KIB + 7, 4096 * KIB]
const folder = mkdtempSync(join(tmpdir(), 'age-program-'))
afterAll(() => rmSync(folder, { recursive: true }))

const keys = [generateIdentity(), generateIdentity()]
const identityFiles = keys.map((key, index) => {
  const file = join(folder, `key-${index}`)
  writeFileSync(file, `# public key: ${key.recipient}\n${key.identity}\n`, { mode: 0o600 })
  return file
})
const age = (args: string[], input: Uint8Array) =>
  execFileSync('age', args, { input, maxBuffer: 64 * 1024 * KIB, stdio: ['pipe', 'pipe', 'pipe'] })

test.each(SIZES)('age reads our %i bytes, with either key', async size => {
  const plain = randomBytes(size)
  const recipients = keys.map(key => key.recipient)
  const file = await sealFile(plain, recipients)
  const streamed = await buffer(sealStream(Readable.from([plain]), recipients))
  for (const identityFile of identityFiles) {
    expect(age(['-d', '-i', identityFile], file).equals(plain)).toBe(true)
    expect(age(['-d', '-i', identityFile], streamed).equals(plain)).toBe(true)
  }
})

test.each(SIZES)("we read age's %i bytes, with either key", async size => {
  const plain = randomBytes(size)
  const file = age(
    keys.flatMap(key => ['-r', key.recipient]),
    plain,
  )
  for (const { identity } of keys) {
    expect(Buffer.compare(await openFile(file, [identity]), plain)).toBe(0)
    expect((await buffer(openStream(Readable.from([file]), [identity]))).equals(plain)).toBe(true)
  }
})

test('age refuses ours when a byte is changed or gone', async () => {
  const file = await sealFile(randomBytes(70 * KIB), [keys[0]!.recipient])
  const changed = file.slice()
  changed[file.length - 30_000]! ^= 1
  for (const bad of [changed, file.subarray(0, -1)]) {
    expect(() => age(['-d', '-i', identityFiles[0]!], bad)).toThrow()
  }
})

test('age-keygen agrees about keys', () => {
  const text = execFileSync('age-keygen', { encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
  const [identity = ''] = parseIdentityFile(text)
  expect(text).toContain(`# public key: ${recipientOf(identity)}`)
  for (const [index, file] of identityFiles.entries()) {
    expect(execFileSync('age-keygen', ['-y', file], { encoding: 'utf8' }).trim()).toBe(keys[index]!.recipient)
  }
})
