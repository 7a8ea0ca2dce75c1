// One run at a time on one subject, across processes and machines: a lease in the store, held while `work` runs.
import { type SubjectId, subjectName } from '../domain/subject.js'
import { acquireLease } from '../repository/lease.js'
import type { Lease } from '../repository/lease-keeper.js'
import { leaseKey } from '../store/keys.js'
import { ownIdentity } from '../sys/process-identity.js'
import type { JobContext, Parts } from './parts.js'

/** @throws Failure lease-lost when the lease is not held any more at this very moment. */
export type ConfirmLease = Lease['confirm']

/**
 * Runs `work` under the subject's lease; its signal also fires when the lease is lost.
 * @param work calls `confirm` right before a step that another holder could not bear.
 * @param options.key of another lease than the subject's own; `waitMs` for another run to end, default not at all.
 * @throws Failure subject-busy, naming who holds it, when another live run does.
 */
export async function withSubjectLease<T>(
  parts: Parts,
  subject: SubjectId,
  context: JobContext,
  work: (context: JobContext, confirm: ConfirmLease) => Promise<T>,
  options: { key?: string; waitMs?: number } = {},
): Promise<T> {
  const { repository, clock } = parts
  const holder = { ...ownIdentity(), purpose: `run ${context.run} on ${subjectName(subject)}` }
  const lease = await acquireLease(repository.store, options.key ?? leaseKey(subject), holder, {
    busy: 'subject-busy',
    clock,
    waitMs: options.waitMs ?? 0,
    signal: context.signal,
  })
  try {
    const held = { ...context, signal: AbortSignal.any([context.signal, lease.lost]) }
    return await work(held, lease.confirm)
  } finally {
    // What the work did or why it failed is what counts; a lease that can't be given back ends by itself.
    await lease.release().catch(() => {})
  }
}
