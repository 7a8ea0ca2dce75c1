// Which subjects have departed: their database is gone from the server, and since when. The store remembers it, so that the loss of this
// machine neither ends a hold nor begins it anew; and many that vanish at once are an accident, not departures.
import { asFailure } from '../domain/errors.js'
import { instantMs, instantOf } from '../domain/ids.js'
import { departedSchema } from '../domain/records.js'
import { GLOBALS, type SubjectId } from '../domain/subject.js'
import { listManifests } from '../repository/manifests.js'
import { putRecord, readRecord } from '../repository/records.js'
import { openTenantKey } from '../repository/tenant-keys.js'
import { departedKey, departedPrefix } from '../store/keys.js'
import { look } from './list-tenants.js'
import type { Parts } from './parts.js'

export interface Departures {
  /** Subject → since when its database is known to be gone. */
  since: ReadonlyMap<SubjectId, Date>
  /** Gone since this look. */
  fresh: readonly SubjectId[]
  /** Why nobody can tell who is still there; nothing is removed then. Null when it can be told. */
  unknown: string | null
  /** Gone all at once, and therefore not believed. */
  doubted: readonly SubjectId[]
}

/** So many may vanish between two looks whatever their share. */
const FEW = 2

/** The subjects that are on the server, or why nobody can tell. */
export type Presence = ReadonlySet<SubjectId> | string

/**
 * @param subjects all that have backups.
 * @throws Failure store-* when the store cannot be asked.
 */
export async function findDepartures(
  parts: Parts,
  subjects: readonly SubjectId[],
  present: Presence,
  signal: AbortSignal,
): Promise<Departures> {
  if (typeof present === 'string') return { since: new Map(), fresh: [], unknown: present, doubted: [] }
  const since = new Map<SubjectId, Date>()
  const fresh: SubjectId[] = []
  for (const subject of subjects) {
    if (subject === GLOBALS || present.has(subject)) continue
    const known = await departedSince(parts, subject, signal)
    if (known) since.set(subject, known)
    else fresh.push(subject)
  }
  const living = subjects.length - since.size
  if (fresh.length > FEW && fresh.length * 3 > living)
    return { since, fresh: [], unknown: null, doubted: fresh }
  for (const subject of fresh) since.set(subject, parts.clock.now())
  return { since, fresh, unknown: null, doubted: [] }
}

/** Remembers in the store that a subject has departed. */
export async function recordDeparture({ repository }: Parts, subject: SubjectId, since: Date): Promise<void> {
  const key = await openTenantKey(repository.store, repository.keyring, subject)
  const record = { format: 1, at: since.toISOString() }
  await putRecord(repository.store, key, departedKey(subject, instantOf(since)), record)
}

/** Asks the server; one that cannot be looked at is in the answer. */
export async function lookWhoIsThere(parts: Parts, signal: AbortSignal): Promise<Presence> {
  try {
    const { subjects, problems, databases } = await look(parts, signal)
    const [problem] = problems
    if (problem) return `the server could not be looked at as a whole: ${problem.message}`
    // A database that is there but is no tenant's any more (another name rule, a template) has not departed.
    const known = parts.catalogue.newest().filter(({ database }) => database && databases.includes(database))
    return new Set([...subjects.map(subject => subject.id), ...known.map(entry => entry.subject)])
  } catch (thrown) {
    signal.throwIfAborted()
    return `the server could not be looked at: ${asFailure(thrown).message}`
  }
}

/** A record that is older than a backup says nothing: the subject was there again. */
async function departedSince(
  { repository }: Parts,
  subject: SubjectId,
  signal: AbortSignal,
): Promise<Date | null> {
  const { store, keyring } = repository
  const [newest] = await listManifests(store, subject, { signal })
  const newestMs = newest ? instantMs(newest.instant) : 0
  let since: Date | null = null
  for await (const { key: where, modifiedAt } of store.list(departedPrefix(subject), { signal })) {
    const key = await openTenantKey(store, keyring, subject)
    const { at } = await readRecord(store, key, where, departedSchema, { signal })
    // The later of the two clocks: a hold is rather too long.
    const found = new Date(Math.max(Date.parse(at), modifiedAt.getTime()))
    if (found.getTime() >= newestMs && (since === null || found < since)) since = found
  }
  return since
}
