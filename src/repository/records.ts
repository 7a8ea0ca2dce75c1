// Small sealed documents beside a subject's manifests: written once, listed, read, taken back. Their shapes are in domain/records.ts.
import type { z } from 'zod'
import { Failure } from '../domain/errors.js'
import { openFile } from '../seal/age-decrypt.js'
import { sealFile } from '../seal/age-encrypt.js'
import type { TenantKey } from '../seal/tenant-key.js'
import type { Store } from '../store/port.js'

/** @throws Failure store-conflict when a record stands under this key already. */
export async function putRecord(store: Store, key: TenantKey, where: string, record: object): Promise<void> {
  const file = await sealFile(Buffer.from(JSON.stringify(record)), [key.recipient])
  await store.put(where, file, { when: 'absent' })
}

/** @throws Failure object-missing, object-corrupt also when it was sealed for another key or has not the asked shape. */
export async function readRecord<T>(
  store: Store,
  key: TenantKey,
  where: string,
  schema: z.ZodType<T>,
  options: { signal?: AbortSignal } = {},
): Promise<T> {
  const { body } = await store.get(where, options)
  try {
    const text = Buffer.from(await openFile(body, [key.identity])).toString('utf8')
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new Failure('object-corrupt', `the record ${where} cannot be used`, { cause })
  }
}

/** The keys of the records below a prefix, in the store's order. */
export async function listRecords(
  store: Store,
  prefix: string,
  options: { signal?: AbortSignal } = {},
): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list(prefix, options)) if (key.endsWith(RECORD_END)) keys.push(key)
  return keys
}

export const RECORD_END = '.json.age'
