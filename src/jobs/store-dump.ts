// Stores what a dumping child writes. A stream that ended is not a process that succeeded: both are asked.
import type { Socket } from 'node:net'
import { Failure } from '../domain/errors.js'
import type { SubjectId } from '../domain/subject.js'
import type { Damage } from '../repository/damage.js'
import { openIntake } from '../repository/intake.js'
import { type WrittenStream, writeStream } from '../repository/write-stream.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { chunkKey } from '../store/keys.js'
import type { Child, ChildResult } from '../sys/child.js'
import { noteBroken } from './broken-backups.js'
import type { JobContext, Parts } from './parts.js'

/** The rest of them are known by their number. */
const DAMAGES_TOLD = 10

export interface DumpSource {
  subject: SubjectId
  /** Starts the child that writes the stream into `output`. */
  start(output: Socket): Promise<Child>
  /** URL of the module that watches the stream on the intake thread. */
  observer: string
  /** Makes a failure of how the child ended. */
  explain(result: ChildResult): Failure
}

/**
 * @throws Failure what starting the child raised; of the side that broke first: the child's own words when it died, the observer's when the stream is
 * unsound although the child said all was well, the store's when a chunk could not be put.
 */
export async function storeDump(
  parts: Parts,
  key: TenantKey,
  source: DumpSource,
  context: JobContext,
): Promise<WrittenStream> {
  const { observer, explain, subject } = source
  const damages: Damage[] = []
  const intake = await openIntake()
  const child = await source.start(intake.input).catch(async thrown => {
    await intake.close()
    throw thrown
  })
  const writing = writeStream(parts.repository, key, intake, {
    observer,
    signal: context.signal,
    onDamage: damage => damages.push(damage),
    onProgress: progress => context.watch?.progress?.(subject, { phase: 'dump', of: null, ...progress }),
  })
  // When our side fails first nobody reads any more: the child must not wait for that.
  writing.catch(() => child.kill())
  const [written, ended] = await Promise.allSettled([writing, child.result])
  if (damages.length > 0) {
    const facts = { count: damages.length, first: damages.slice(0, DAMAGES_TOLD) }
    context.emit({ type: 'objects-damaged', subject, facts })
  }
  if (written.status === 'fulfilled') await tellSettled(parts, key, written.value, context)
  context.signal.throwIfAborted()
  if (ended.status === 'rejected') throw ended.reason
  const sound = ended.value.exitCode === 0
  if (!sound && (written.status === 'fulfilled' || (intake.sawEnd && isDumpInvalid(written.reason)))) {
    throw explain(ended.value)
  }
  if (written.status === 'rejected') throw written.reason
  return written.value
}

/** Whatever becomes of this dump, the chunks are healed or marked by now, and with them older backups. */
async function tellSettled(
  parts: Parts,
  key: TenantKey,
  { healed, marked }: WrittenStream,
  context: JobContext,
): Promise<void> {
  const { subject } = key
  if (healed.length > 0) {
    const first = healed.slice(0, DAMAGES_TOLD).map(id => chunkKey(subject, id))
    context.emit({ type: 'objects-healed', subject, facts: { count: healed.length, first } })
  }
  if (healed.length + marked.length > 0) await noteBroken(parts, key, context.signal)
}

const isDumpInvalid = (thrown: unknown): boolean =>
  thrown instanceof Failure && thrown.code === 'dump-invalid'
