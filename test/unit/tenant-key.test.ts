import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { causes } from '../../src/domain/errors.js'
import { MASTER, tenantSubject } from '../../src/domain/subject.js'
import { openFile } from '../../src/seal/age-decrypt.js'
import { sealFile } from '../../src/seal/age-encrypt.js'
import { generateIdentity, recipientOf } from '../../src/seal/age-keys.js'
import { chunkId } from '../../src/seal/digest.js'
import { newTenantKey, parseTenantKey, serialiseTenantKey } from '../../src/seal/tenant-key.js'

const invalid = expect.objectContaining({ code: 'key-invalid' })
const tenant = tenantSubject('école 42', 'gmah_org_x').id
const now = new Date('2026-11-23T02:15:00.123Z')
const bytesOf = (json: unknown) => Buffer.from(JSON.stringify(json))

test('a key comes back from its file, for any subject', () => {
  for (const subject of [tenant, MASTER]) {
    const key = newTenantKey(subject, now)
    expect(recipientOf(key.identity)).toBe(key.recipient)
    expect(key.createdAt).toBe('2026-11-23T02:15:00.123Z')
    expect(parseTenantKey(serialiseTenantKey(key), subject)).toEqual(key)
  }
  expect(newTenantKey(tenant, now).chunkIdKey).not.toEqual(newTenantKey(tenant, now).chunkIdKey)
})

test('wrapped for operators, each of them has it', async () => {
  const [daemon, recovery] = [generateIdentity(), generateIdentity()]
  const key = newTenantKey(tenant, now)
  const file = await sealFile(serialiseTenantKey(key), [daemon.recipient, recovery.recipient])
  for (const { identity } of [daemon, recovery]) {
    expect(parseTenantKey(await openFile(file, [identity]), tenant)).toEqual(key)
  }
})

test('a key that does not fit is refused, and its secrets stay out of the error', () => {
  const key = newTenantKey(tenant, now)
  const json = JSON.parse(serialiseTenantKey(key).toString())
  const text = serialiseTenantKey(key).toString()
  const bad: Uint8Array[] = [
    bytesOf({ ...json, subject: MASTER }),
    bytesOf({ ...json, recipient: generateIdentity().recipient }),
    bytesOf({ ...json, identity: `${json.identity}Q` }),
    bytesOf({ ...json, identity: json.identity.toLowerCase() }),
    bytesOf({ ...json, chunkIdKey: json.chunkIdKey.slice(2) }),
    bytesOf({ ...json, chunkIdKey: json.chunkIdKey.toUpperCase().replace(/^./, 'A') }),
    bytesOf({ ...json, createdAt: 'yesterday' }),
    bytesOf({ ...json, [json.chunkIdKey]: 1, more: 1 }),
    bytesOf({ ...json, format: 0 }),
    bytesOf([json]),
    bytesOf(null),
    bytesOf(json.identity),
    Buffer.from(text.slice(0, -3)),
    Buffer.from(json.identity),
    Buffer.from([0xff, 0xfe]),
    Buffer.alloc(0),
  ]
  for (const bytes of bad) {
    try {
      parseTenantKey(bytes, tenant)
      expect.unreachable(Buffer.from(bytes).toString())
    } catch (error) {
      expect(error, Buffer.from(bytes).toString()).toEqual(invalid)
      const said = causes(error).join()
      for (const secret of [json.identity.slice(16, 30), json.chunkIdKey.slice(0, 12)])
        expect(said).not.toContain(secret)
    }
  }
  expect(() => parseTenantKey(serialiseTenantKey(key), MASTER)).toThrow(invalid)
  const newer = bytesOf({ ...json, format: 2, news: true })
  expect(() => parseTenantKey(newer, tenant)).toThrow(expect.objectContaining({ code: 'format-unknown' }))
})

test('a chunk id is the HMAC of the content under the key', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array(), (key, plain) => {
      expect(chunkId(key, plain)).toBe(createHmac('sha256', key).update(plain).digest('hex'))
    }),
  )
  // HMAC pads short keys with zeros, so this is the well-known HMAC-SHA256 of nothing under an empty key.
  expect(chunkId(new Uint8Array(32), new Uint8Array())).toMatch(/^b613679a0814d9ec/)
  for (const length of [0, 16, 31, 33])
    expect(() => chunkId(randomBytes(length), new Uint8Array())).toThrow(invalid)
})
