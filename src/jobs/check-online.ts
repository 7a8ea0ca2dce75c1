// Whether what the configuration names is really there and does what backups need: asked now, not by the first night.
import { asFailure, type Failure } from '../domain/errors.js'
import { type Subject, type SubjectId, subjectName } from '../domain/subject.js'
import { withSession } from '../postgres/connection.js'
import type { Discovery } from '../postgres/discover.js'
import { assertReadable } from '../postgres/preflight.js'
import { findTool, majorOf, type ToolName } from '../postgres/tools.js'
import { openCheckedKey } from '../repository/key-health.js'
import { listSubjects } from '../repository/manifests.js'
import { probeStore } from '../store/probe.js'
import { look } from './list-tenants.js'
import type { Parts } from './parts.js'

export interface OnlineStep {
  /** What was tried: `store`, `postgres`, `pg_dump`, `rights on gmah_org_acme`. */
  what: string
  /** What was seen, when it went well. */
  seen: string
  /** Null when it went well. */
  failure: Failure | null
}

type Tell = (step: OnlineStep) => void

/** They are wrapped to the same recipients; one that was left out of a rotation is the nightly check's to find. */
const KEYS_TRIED = 20
const TOOLS: readonly ToolName[] = ['pg_dump', 'pg_dumpall', 'pg_restore']

/**
 * Tries each thing and goes on past what fails; what cannot be tried without it is left out. Writes one throw-away object
 * into the store and removes it; reads PostgreSQL's catalogues, no table.
 * @param tell called with each step as it ends.
 */
export async function checkOnline(parts: Parts, signal: AbortSignal, tell: Tell): Promise<OnlineStep[]> {
  const steps: OnlineStep[] = []
  const attempt = async <T>(what: string, work: () => Promise<[string, T]>): Promise<T | null> => {
    const { step, value } = await tried(what, work)
    signal.throwIfAborted()
    steps.push(step)
    tell(step)
    return value
  }
  const { store } = parts.repository
  const stored = await attempt('store', async () => {
    await probeStore(store, { signal })
    return [`${store.name} puts, reads, lists and deletes as backups need it`, await listSubjects(store)]
  })
  if (stored && stored.length > 0) await attempt('keys', () => openKeys(parts, stored))
  const discovery = await attempt('postgres', async () => {
    const found = await look(parts, signal)
    return [discoveryText(found), found]
  })
  for (const problem of discovery?.problems ?? []) await attempt('tenants', () => Promise.reject(problem))
  if (!discovery) return steps
  const directory = parts.config.postgres.toolsDirectory
  for (const name of TOOLS) {
    await attempt(name, async () => {
      const tool = await findTool(name, majorOf(discovery.server.versionNum), { directory })
      return [`${tool.version}, ${tool.path}`, null]
    })
  }
  for (const subject of discovery.subjects.filter(isDatabase)) {
    await attempt(`rights on ${subject.database}`, async () => {
      await withSession(parts.config.postgres, subject.database, { signal }, assertReadable)
      return [`${subjectName(subject.id)} can be read whole`, null]
    })
  }
  return steps
}

/** A wrong identity is found here, and not by the first restore that is needed. */
async function openKeys(
  { repository }: Parts,
  subjects: readonly SubjectId[],
): Promise<[seen: string, value: null]> {
  const asked = subjects.slice(0, KEYS_TRIED)
  for (const subject of asked) {
    const { problem } = await openCheckedKey(repository, subject)
    if (problem) throw problem
  }
  return [`what is stored opens: the keys of ${asked.length} of ${subjects.length} tried`, null]
}

async function tried<T>(
  what: string,
  work: () => Promise<[string, T]>,
): Promise<{ step: OnlineStep; value: T | null }> {
  try {
    const [seen, value] = await work()
    return { step: { what, seen, failure: null }, value }
  } catch (thrown) {
    return { step: { what, seen: '', failure: asFailure(thrown) }, value: null }
  }
}

const isDatabase = (subject: Subject): subject is Exclude<Subject, { kind: 'globals' }> =>
  subject.kind !== 'globals'

function discoveryText({ server, subjects, skipped }: Discovery): string {
  const tenants = subjects.filter(subject => subject.kind === 'tenant').length
  const master = subjects.some(subject => subject.kind === 'master') ? 'the master and ' : ''
  const passed = skipped.length > 0 ? `, ${skipped.length} databases skipped` : ''
  return `PostgreSQL ${server.version}: ${master}${tenants} tenants${passed}`
}
