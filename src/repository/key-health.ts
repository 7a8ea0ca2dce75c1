// Whether a subject's key would still open when this machine is gone: it is there, it opens, and not for us alone.
import { Failure } from '../domain/errors.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import { recipientCount } from '../seal/age-header.js'
import { tenantKeyKey } from '../store/keys.js'
import type { Repository } from './repository.js'
import { openTenantKey, type TenantKey } from './tenant-keys.js'

/**
 * The subject's key, and what is wrong with how it is wrapped, or null. An age header says to how many it is wrapped, not to
 * whom: a key for fewer than the configuration names is told, one for others instead cannot be seen from here.
 * @throws Failure object-missing, object-corrupt, key-wrong, format-unknown when it cannot be used at all; store-*.
 */
export async function openCheckedKey(
  { store, keyring }: Pick<Repository, 'store' | 'keyring'>,
  subject: SubjectId,
): Promise<{ key: TenantKey; problem: Failure | null }> {
  const key = await openTenantKey(store, keyring, subject)
  const where = tenantKeyKey(subject)
  const wrapped = recipientCount((await store.get(where)).body)
  const wanted = keyring.recipients.length
  if (wrapped >= wanted) return { key, problem: null }
  const words = `the key of ${subjectName(subject)}, ${where}, is wrapped to ${wrapped} of ${wanted} recipients`
  const alone = wrapped === 1 ? ': when this machine is gone, nobody may be able to open its backups' : ''
  return { key, problem: new Failure('recovery-missing', words + alone) }
}
