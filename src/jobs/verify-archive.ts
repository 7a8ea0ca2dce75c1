// Reads a whole archive as somebody would in ten years, and holds every byte against its own sums and against its index.
import { createHash } from 'node:crypto'
import { SUMS_NAME } from '../domain/archive.js'
import { parseSums } from '../domain/archive-names.js'
import { asFailure, Failure } from '../domain/errors.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import { scanArchive } from '../repository/archive-read.js'
import { type OpenArchive, openArchive } from './open-archive.js'
import { type JobContext, type Parts, progressOf } from './parts.js'

export interface VerifyReport {
  archive: string
  indexed: boolean
  members: number
  /** Of their content. */
  bytes: number
}

/** Member → SHA-256 of its content; of two with one name the last counts. */
interface Reading {
  sums: Map<string, string>
  written: string
  stored: string
  bytes: number
}

/** @throws Failure archive-unknown; object-corrupt that names the first problems when anything is not as it was made. */
export async function verifyArchive(
  parts: Parts,
  request: { subject: SubjectId; archive: string },
  context: JobContext,
): Promise<VerifyReport> {
  const { subject } = request
  const opened = await openArchive(parts, subject, request.archive, context.signal)
  const { name, indexed } = opened.stored
  const reading: Reading = { sums: new Map(), written: '', stored: '', bytes: 0 }
  const tell = (problems: string[]): void =>
    context.emit({
      type: 'archive-verified',
      subject,
      facts: { archive: name, members: reading.sums.size, bytes: reading.bytes, problems },
    })
  try {
    await readAll(opened, reading, progressOf(context, subject, 'export', null))
  } catch (thrown) {
    const { code, message } = asFailure(thrown)
    if (code === 'object-corrupt') tell([message])
    throw thrown
  }
  const problems = [...againstSums(reading), ...againstIndex(reading, opened)]
  const { bytes, sums } = reading
  tell(problems.slice(0, PROBLEMS_TOLD))
  if (problems.length === 0) return { archive: name, indexed, members: sums.size, bytes }
  const shown = problems.slice(0, 3).join('; ')
  throw new Failure('object-corrupt', `archive ${name} of ${subjectName(subject)} is not sound: ${shown}`, {
    facts: { problems: problems.slice(0, PROBLEMS_TOLD) },
    hint: 'keep it, and look at `gmah-backup archive list` for another one; each of its files that is right still opens',
  })
}

const PROBLEMS_TOLD = 100

/** Fills `reading`, as far as it gets. */
async function readAll(
  { place }: OpenArchive,
  reading: Reading,
  count: (bytes: number) => void,
): Promise<void> {
  const stored = createHash('sha256')
  for await (const member of scanArchive(place, part => void stored.update(part))) {
    const hash = createHash('sha256')
    const text: Uint8Array[] = []
    for await (const part of member.content) {
      hash.update(part)
      count(part.length)
      if (member.name === SUMS_NAME) text.push(part)
    }
    reading.bytes += member.bytes
    reading.sums.set(member.name, hash.digest('hex'))
    if (member.name === SUMS_NAME) reading.written = Buffer.concat(text).toString('utf8')
  }
  reading.stored = stored.digest('hex')
}

function againstSums({ sums, written }: Reading): string[] {
  const promised = parseSums(written)
  if (promised.size === 0) return [`it has no ${SUMS_NAME}, so its end is missing`]
  return [...promised].flatMap(([name, sha256]) => differs(name, sha256, sums.get(name), SUMS_NAME))
}

function againstIndex({ sums, stored }: Reading, { index }: OpenArchive): string[] {
  if (!index) return []
  const whole = index.archive.sha256 === stored ? [] : ['what is stored is not what was sent']
  const entries = index.entries.flatMap(one => differs(one.name, one.sha256, sums.get(one.name), 'its index'))
  return [...whole, ...entries]
}

function differs(name: string, promised: string, found: string | undefined, by: string): string[] {
  if (found === promised) return []
  return [`${JSON.stringify(name)} ${found === undefined ? 'is missing' : 'differs'}, by ${by}`]
}
