// Formats of the bucket: what an earlier version wrote is read, and used; what a later one wrote is refused by name.
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { type Manifest, parseManifest } from '../../src/domain/manifest.js'
import { listManifests, readManifest } from '../../src/repository/manifests.js'
import { openTenantKey } from '../../src/repository/tenant-keys.js'
import { parseIdentityFile, recipientOf } from '../../src/seal/age-keys.js'
import { directoryStore } from '../../src/store/directory.js'
import { systemClock } from '../../src/sys/clock.js'
import { projectRoot } from '../kit/platform/scripts.js'
import { ACME, backUp, readBack, testRepository, write } from '../kit/repository.js'

const fixture = join(projectRoot(), 'test/fixtures/format-1')
const folder = mkdtempSync(join(tmpdir(), 'formats-'))
cpSync(join(fixture, 'store'), folder, { recursive: true })
const identities = parseIdentityFile(readFileSync(join(fixture, 'operational-identity.txt'), 'utf8'))
const store = directoryStore({ path: folder, clock: systemClock })
const keyring = { identities, recipients: identities.map(recipientOf) }
const repository = testRepository(store, { keyring })

afterAll(async () => {
  await repository.close()
  rmSync(folder, { recursive: true })
})

async function old(): Promise<{ manifest: Manifest; bytes: Buffer }> {
  const key = await openTenantKey(store, keyring, ACME)
  const [name] = (await listManifests(store, ACME)).filter(one => one.backup === '7519ad86329f')
  const manifest = await readManifest(store, key, name!)
  return { manifest, bytes: await readBack(repository, key, manifest) }
}

it('reads a backup of format 1', async () => {
  const { manifest, bytes } = await old()
  expect(manifest).toMatchObject({ format: 1, dump: { tables: [{ name: 'invoices', rows: 500 }] } })
  expect(bytes).toHaveLength(manifest.stream.bytes)
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(manifest.stream.sha256)
})

it('uses its chunks: the next backup of the same data stores a manifest alone', async () => {
  const { manifest, bytes } = await old()
  const { algorithm: _, ...cutter } = manifest.cutter
  const key = await openTenantKey(store, keyring, ACME)
  const written = await write({ ...repository, cutter }, key, bytes)
  expect(written.chunks).toEqual(manifest.chunks)
  expect(written.stored).toMatchObject({ newChunks: 0, reusedChunks: 1 })
})

it('writes format 2, whose stream has no SHA-256 of its own', async () => {
  const made = await backUp(repository, ACME, Buffer.alloc(100_000, 'two'))
  expect(made.format).toBe(2)
  expect(Object.keys(made.stream).sort()).toEqual(['bytes', 'head', 'type'])
})

it('refuses a format it does not know, and says which', async () => {
  const { manifest } = await old()
  expect(() => parseManifest(JSON.stringify({ ...manifest, format: 3 }))).toThrow(
    expect.objectContaining({
      code: 'format-unknown',
      message: 'a manifest has format 3, this program knows 2',
    }),
  )
  expect(() => parseManifest(JSON.stringify({ ...manifest, format: 0 }))).toThrow(
    expect.objectContaining({ code: 'manifest-invalid' }),
  )
})
