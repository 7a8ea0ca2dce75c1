// Appends a proof beside the backup it speaks of. It outlives this machine, and the catalogue learns of it.
import { instantOf } from '../domain/ids.js'
import type { ProofRecord } from '../domain/records.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { proofKey } from '../store/keys.js'
import type { Catalogue } from './catalogue.js'
import { putRecord } from './records.js'
import type { Repository } from './repository.js'

/** @throws Failure store-*; store-conflict when this backup has a proof of the same millisecond. */
export async function appendProof(
  { store }: Repository,
  catalogue: Catalogue,
  key: TenantKey,
  proof: ProofRecord,
): Promise<void> {
  const where = proofKey(key.subject, proof.backup, instantOf(new Date(proof.at)))
  await putRecord(store, key, where, proof)
  catalogue.proofs.record(key.subject, where, proof)
}
