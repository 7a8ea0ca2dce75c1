// Aborts what a killed run left half uploaded: it is invisible, but costs storage. Known from the store's own list where it has
// one, and from the journal. Call it under the subject's lease: then no upload of the subject is anyone's work.
import { asFailure } from '../domain/errors.js'
import type { SubjectId } from '../domain/subject.js'
import { archivesPrefix } from '../store/keys.js'
import type { OpenUpload } from '../store/port.js'
import type { JobContext, Parts } from './parts.js'

/** @returns how many were aborted, or were gone already. */
export async function sweepUploads(parts: Parts, subject: SubjectId, context: JobContext): Promise<number> {
  const { store } = parts.repository
  const { signal } = context
  const found = new Map<string, OpenUpload>()
  for (const one of journalled(parts, subject)) found.set(one.id, one)
  try {
    for await (const one of store.uploads(archivesPrefix(subject), { signal })) found.set(one.id, one)
  } catch (thrown) {
    // A store that cannot list uploads: the journal is what there is.
    if (asFailure(thrown).code !== 'store-refused') throw thrown
  }
  for (const upload of found.values()) {
    await store.abortUpload(upload, { signal })
    context.emit({
      type: 'upload-ended',
      subject,
      facts: { key: upload.key, upload: upload.id, outcome: 'aborted' },
    })
  }
  return found.size
}

function journalled({ journal }: Parts, subject: SubjectId): OpenUpload[] {
  const open = new Map<string, OpenUpload>()
  for (const { type, facts } of journal.eventsAbout(subject, ['upload-started', 'upload-ended'])) {
    if (type === 'upload-started') open.set(facts.upload, { key: facts.key, id: facts.upload })
    if (type === 'upload-ended') open.delete(facts.upload)
  }
  return [...open.values()]
}
