// Recovery sheets of snapshots in the store: each an age file for the operators themselves, so that `age -d` with the recovery
// identity alone opens it. They are of servers and not of tenants, so no tenant's key is between.
import { Failure } from '../domain/errors.js'
import { instantOf } from '../domain/ids.js'
import { type RecoverySheet, sheetSchema } from '../domain/recovery-sheet.js'
import { openFile } from '../seal/age-decrypt.js'
import { sealFile } from '../seal/age-encrypt.js'
import { SHEETS_PREFIX, sheetKey } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { RECORD_END } from './records.js'
import type { Keyring } from './repository.js'

/** Where the sheet of the snapshot that this server had made at this instant is. */
export const sheetKeyOf = (server: string, created: string): string =>
  sheetKey(server, instantOf(new Date(created)))

/** Stores it, unless it is there already. @returns its key. */
export async function putSheet(
  { store, keyring }: { store: Store; keyring: Keyring },
  sheet: RecoverySheet,
): Promise<string> {
  const key = sheetKeyOf(sheet.server.name, sheet.image.created)
  const file = await sealFile(Buffer.from(`${JSON.stringify(sheet, null, 2)}\n`), keyring.recipients)
  await store.put(key, file, { when: 'absent' }).catch((thrown: unknown) => {
    if (!(thrown instanceof Failure) || thrown.code !== 'store-conflict') throw thrown
  })
  return key
}

/** @throws Failure object-missing; key-wrong; object-corrupt when it has not the asked shape; format-unknown */
export async function readSheet(store: Store, keyring: Keyring, key: string): Promise<RecoverySheet> {
  const { body } = await store.get(key)
  const bytes = await openFile(body, keyring.identities)
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw new Failure('object-corrupt', `the recovery sheet ${key} is no JSON`, { cause })
  }
  const format = (json as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format > 1)
    throw new Failure('format-unknown', `the recovery sheet ${key} has format ${format}`)
  const parsed = sheetSchema.safeParse(json)
  if (parsed.success) return parsed.data
  throw new Failure('object-corrupt', `the recovery sheet ${key} cannot be used`, { cause: parsed.error })
}

/** The keys of all sheets, or of one server's; oldest first within a server. */
export async function listSheets(
  store: Store,
  server: string | null,
  signal?: AbortSignal,
): Promise<string[]> {
  const prefix = server === null ? SHEETS_PREFIX : sheetKey(server, null)
  const keys: string[] = []
  for await (const { key } of store.list(prefix, signal ? { signal } : {}))
    if (key.endsWith(RECORD_END)) keys.push(key)
  return keys
}
