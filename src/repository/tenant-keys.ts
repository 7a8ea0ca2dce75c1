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

/** @throws Failure object-missing without a key in the store, key-wrong when no identity at hand opens it. */
export async function openTenantKey(store: Store, keyring: Keyring, subject: SubjectId): Promise<TenantKey> {
  const { body } = await store.get(tenantKeyKey(subject))
  const text = await openFile(body, keyring.identities).catch((cause: unknown) => {
    throw cause instanceof Failure && cause.code === 'key-wrong'
      ? new Failure('key-wrong', `no identity at hand opens the key of ${subjectName(subject)}`, { cause })
      : cause
  })
  return parseTenantKey(text, subject)
}

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
        {
          hint: `put ${tenantKeyKey(subject)} back from a copy of the bucket; without it these backups cannot be opened`,
        },
      )
    }
  }
}
