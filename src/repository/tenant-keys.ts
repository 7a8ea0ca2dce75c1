// Each subject's own key: made once, wrapped to the operators, in the store before anything is encrypted with it.
import { Failure } from '../domain/errors.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import { openFile } from '../seal/age-decrypt.js'
import { sealFile } from '../seal/age-encrypt.js'
import { newTenantKey, parseTenantKey, serialiseTenantKey, type TenantKey } from '../seal/tenant-key.js'
import { chunksPrefix, manifestsPrefix, tenantKeyKey } from '../store/keys.js'
import type { Store } from '../store/port.js'
import type { Keyring, Repository } from './repository.js'

export type { TenantKey }

/**
 * @throws Failure key-wrong when no identity at hand opens it; object-missing, object-corrupt (also when it is another
 * subject's) and format-unknown, naming the object.
 */
export async function openTenantKey(store: Store, keyring: Keyring, subject: SubjectId): Promise<TenantKey> {
  try {
    const { body } = await store.get(tenantKeyKey(subject))
    return parseTenantKey(await openFile(body, keyring.identities), subject)
  } catch (cause) {
    throw unopened(cause, subject)
  }
}

function unopened(cause: unknown, subject: SubjectId): unknown {
  if (!(cause instanceof Failure) || cause.code.startsWith('store-')) return cause
  const { code } = cause
  if (code === 'key-wrong') {
    return new Failure(code, `no identity at hand opens the key of ${subjectName(subject)}`, { cause })
  }
  const where = tenantKeyKey(subject)
  if (code === 'object-missing') {
    return new Failure(code, `the key of ${subjectName(subject)}, ${where}, is gone`, {
      cause,
      hint: back(where),
    })
  }
  if (code !== 'object-corrupt' && code !== 'key-invalid') return cause
  const what = `the key of ${subjectName(subject)}, ${where}, cannot be used`
  return new Failure('object-corrupt', what, { cause, hint: back(where) })
}

const back = (where: string): string =>
  `put ${where} back from a copy of the bucket; without it these backups cannot be opened`

/**
 * The subject's key, made when it has none. A new key is stored, read back and unwrapped before it is returned.
 * @throws Failure key-missing when the key is gone though backups exist: a new one would hide that they are lost.
 */
export async function ensureTenantKey(repository: Repository, subject: SubjectId): Promise<TenantKey> {
  const { store, keyring, clock } = repository
  if (await store.head(tenantKeyKey(subject))) return openTenantKey(store, keyring, subject)
  await refuseIfUsed(store, subject)
  const key = newTenantKey(subject, clock.now())
  await store.put(tenantKeyKey(subject), await wrap(key, keyring), { when: 'absent' }).catch(thrown => {
    // Another process made one at the same moment: theirs counts, and is the one read back.
    if (!(thrown instanceof Failure) || thrown.code !== 'store-conflict') throw thrown
  })
  return openTenantKey(store, keyring, subject)
}

/** Wraps the key anew to today's recipients; chunks and manifests stay as they are. */
export async function rewrapTenantKey(store: Store, keyring: Keyring, subject: SubjectId): Promise<void> {
  const { etag } = await store.get(tenantKeyKey(subject))
  const key = await openTenantKey(store, keyring, subject)
  const wrapped = await wrap(key, keyring)
  await openFile(wrapped, keyring.identities)
  await store.put(tenantKeyKey(subject), wrapped, { when: { etag } })
}

function wrap(key: TenantKey, keyring: Keyring): Promise<Uint8Array> {
  return sealFile(serialiseTenantKey(key), keyring.recipients)
}

async function refuseIfUsed(store: Store, subject: SubjectId): Promise<void> {
  for (const prefix of [manifestsPrefix(subject), chunksPrefix(subject)]) {
    for await (const { key } of store.list(prefix)) {
      throw new Failure(
        'key-missing',
        `the key of ${subjectName(subject)} is gone, but ${key} was written with it`,
        { hint: back(tenantKeyKey(subject)) },
      )
    }
  }
}
