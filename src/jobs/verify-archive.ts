// Reads a whole archive as somebody would in ten years, and holds every byte against its own sums and against its index.
import { createHash } from 'node:crypto'
import { SUMS_NAME } from '../domain/archive.js'
import { parseSumLine } from '../domain/archive-names.js'
import { asFailure, Failure } from '../domain/errors.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import { readIndexItems } from '../repository/archive-index.js'
import { scanArchive } from '../repository/archive-read.js'
import { compareSums, type SumList, sumList } from '../repository/compare-sums.js'
import { textLines } from '../seal/pieces.js'
import { type OpenArchive, openArchive } from './open-archive.js'
import { type JobContext, type Parts, progressOf } from './parts.js'

export interface VerifyReport {
  archive: string
  indexed: boolean
  members: number
  /** Of their content. */
  bytes: number
}

/** What the archive holds, and what it says of that itself; not in memory, since there may be millions of files. */
interface Reading {
  found: SumList
  /** By SHA256SUMS, and by the index. */
  promised: { inside: SumList; byIndex: SumList }
  stored: string
  bytes: number
}

/** @throws Failure archive-unknown; object-corrupt that names the first problems when anything is not as it was made. */
export async function verifyArchive(
  parts: Parts,
  request: { subject: SubjectId; archive: string },
  context: JobContext,
): Promise<VerifyReport> {
  const opened = await openArchive(parts, request.subject, request.archive, context.signal)
  const list = () => sumList(parts.config.stateDirectory)
  const lists = { found: list(), promised: { inside: list(), byIndex: list() } }
  try {
    return await verifyOpened(opened, { ...lists, stored: '', bytes: 0 }, context)
  } finally {
    await Promise.all([lists.found, lists.promised.inside, lists.promised.byIndex].map(one => one.close()))
  }
}

async function verifyOpened(
  opened: OpenArchive,
  reading: Reading,
  context: JobContext,
): Promise<VerifyReport> {
  const { name, indexed, subject } = opened.stored
  const tell = (members: number, problems: string[]): void =>
    context.emit({
      type: 'archive-verified',
      subject,
      facts: { archive: name, members, bytes: reading.bytes, problems },
    })
  try {
    await readAll(opened, reading, progressOf(context, subject, 'export', null))
    await readPromises(opened, reading)
  } catch (thrown) {
    const { code, message } = asFailure(thrown)
    if (code === 'object-corrupt') tell(reading.found.count, [message])
    throw thrown
  }
  const { members, problems } = await judge(opened, reading)
  tell(members, problems)
  if (problems.length === 0) return { archive: name, indexed, members, bytes: reading.bytes }
  const shown = problems.slice(0, 3).join('; ')
  throw new Failure('object-corrupt', `archive ${name} of ${subjectName(subject)} is not sound: ${shown}`, {
    facts: { problems },
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
    const content = async function* () {
      for await (const part of member.content) {
        hash.update(part)
        count(part.length)
        yield part
      }
    }
    if (member.name === SUMS_NAME) await noteSums(content(), reading.promised.inside)
    else for await (const _ of content());
    reading.bytes += member.bytes
    await reading.found.note(member.name, hash.digest('hex'))
  }
  reading.stored = stored.digest('hex')
}

async function noteSums(content: AsyncIterable<Uint8Array>, sums: SumList): Promise<void> {
  for await (const line of textLines(content)) {
    const parsed = parseSumLine(line)
    if (parsed) await sums.note(parsed.name, parsed.sha256)
  }
}

async function readPromises({ place, head }: OpenArchive, { promised }: Reading): Promise<void> {
  if (!head) return
  for await (const { list, item } of readIndexItems(place))
    if (list === 'entries') await promised.byIndex.note(item.name, item.sha256)
}

async function judge(
  { head }: OpenArchive,
  { found, promised, stored }: Reading,
): Promise<{ members: number; problems: string[] }> {
  const problems: string[] = []
  const say = (problem: string): void => {
    if (problems.length < PROBLEMS_TOLD) problems.push(problem)
  }
  if (promised.inside.count === 0) say(`it has no ${SUMS_NAME}, so its end is missing`)
  if (head && head.archive.sha256 !== stored) say('what is stored is not what was sent')
  const by = [SUMS_NAME, 'its index']
  const members = await compareSums(found, [promised.inside, promised.byIndex], (list, name, sha256) =>
    say(`${JSON.stringify(name)} ${sha256 === undefined ? 'is missing' : 'differs'}, by ${by[list]}`),
  )
  return { members, problems }
}
