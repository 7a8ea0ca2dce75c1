// A pin: somebody wants one backup kept, whatever the policy says. It is in the store, so it outlives this machine.
import { asFailure, Failure } from '../domain/errors.js'
import type { Pin } from '../domain/records.js'
import type { SubjectId } from '../domain/subject.js'
import { putRecord } from '../repository/records.js'
import { pinKey } from '../store/keys.js'
import { openBackup } from './open-backup.js'
import type { JobContext, Parts } from './parts.js'
import { withSubjectLease } from './subject-lease.js'

export interface PinRequest {
  subject: SubjectId
  /** As openBackup takes it. */
  backup: string
  who: string
}

/**
 * Pins a backup; under the lease, so that a sweep cannot be removing it meanwhile.
 * @throws Failure backup-unknown; store-conflict when it is pinned already; subject-busy.
 */
export function pinBackup(
  parts: Parts,
  request: PinRequest & { why: string },
  outer: JobContext,
): Promise<Pin> {
  const { subject, who, why } = request
  return withSubjectLease(parts, subject, outer, async context => {
    const { key, manifest } = await openBackup(parts.repository, subject, request.backup)
    const { backup } = manifest
    const pin: Pin = { format: 1, backup, at: parts.clock.now().toISOString(), who, why }
    try {
      await putRecord(parts.repository.store, key, pinKey(subject, backup), pin)
    } catch (thrown) {
      if (asFailure(thrown).code !== 'store-conflict') throw thrown
      throw new Failure('store-conflict', `${backup} is pinned already`, {
        cause: thrown,
        hint: `type \`gmah-backup backup unpin ${backup}\` first to give another reason`,
      })
    }
    context.emit({ type: 'backup-pinned', subject, facts: { backup, who, why } })
    return pin
  })
}

/** Takes a pin away; one that is not there is success. @throws Failure backup-unknown, store-locked, subject-busy. */
export function unpinBackup(parts: Parts, request: PinRequest, outer: JobContext): Promise<void> {
  const { subject, who } = request
  return withSubjectLease(parts, subject, outer, async context => {
    const { manifest } = await openBackup(parts.repository, subject, request.backup)
    const { backup } = manifest
    await parts.repository.store.delete(pinKey(subject, backup), { signal: context.signal })
    context.emit({ type: 'backup-unpinned', subject, facts: { backup, who } })
  })
}
