// Forgets what the journal tells of long ago, so that a machine that runs for years keeps its disk. A step never holds the event
// loop for long, and each is whole by itself: whatever stops it, the next sweep goes on.
import { eventsToForget, mayOldOnesFollow } from '../retention/plan-journal.js'
import type { JobContext, Parts } from './parts.js'

/**
 * @param keepMs how long events are kept.
 * @throws Failure disk-full and the like when the journal cannot be written; what the signal says when it fires.
 */
export async function trimJournal(
  { clock, oldEvents }: Pick<Parts, 'clock' | 'oldEvents'>,
  keepMs: number,
  context: Pick<JobContext, 'signal' | 'emit'>,
): Promise<void> {
  const now = clock.now()
  const before = new Date(now.getTime() - keepMs)
  let forgotten = 0
  for (let afterSeq = 0; ; ) {
    const page = oldEvents.page(afterSeq)
    const gone = eventsToForget(page, before)
    oldEvents.forget(gone, before)
    forgotten += gone.length
    if (!mayOldOnesFollow(page, before, now)) break
    afterSeq = page.at(-1)?.seq ?? afterSeq
    await nextStep(clock, context)
  }
  oldEvents.forgetReports(before)
  while (oldEvents.shrink()) await nextStep(clock, context)
  if (forgotten === 0) return
  context.emit({
    type: 'journal-trimmed',
    subject: null,
    facts: { before: before.toISOString(), events: forgotten },
  })
}

async function nextStep({ sleep }: Parts['clock'], { signal }: Pick<JobContext, 'signal'>): Promise<void> {
  signal.throwIfAborted()
  await sleep(0)
}
