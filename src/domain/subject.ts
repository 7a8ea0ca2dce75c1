// What a backup is a backup of: a tenant, the master database, or the cluster's globals.
import { Failure } from './errors.js'

/** The subject's place in the bucket: `tenants/<encoded name>`, `platform/master` or `platform/globals`. Unique, never reused for another. */
declare const brand: unique symbol
export type SubjectId = string & { readonly [brand]: 'SubjectId' }

export type Subject =
  | { kind: 'tenant'; id: SubjectId; tenant: string; database: string }
  | { kind: 'master'; id: SubjectId; database: string }
  | { kind: 'globals'; id: SubjectId }

export const MASTER = 'platform/master' as SubjectId
export const GLOBALS = 'platform/globals' as SubjectId

/**
 * A tenant's name as one path segment. Letters, digits, `_` and `-` stand for themselves, a dot too unless it leads;
 * every other byte of the UTF-8 form becomes %XX (upper-case hex), `%` included, so two names never share a segment.
 */
export function encodeTenant(name: string): string {
  if (name === '' || !name.isWellFormed())
    throw new Failure('tenant-unknown', 'a tenant name is empty or not valid unicode')
  let segment = ''
  for (const [index, byte] of Buffer.from(name, 'utf8').entries()) {
    const char = String.fromCharCode(byte)
    const plain = /[A-Za-z0-9_-]/.test(char) || (char === '.' && index > 0)
    segment += plain ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return segment
}

/** The inverse of encodeTenant. @throws Failure usage when the segment is not one that encodeTenant makes. */
function decodeTenant(segment: string): string {
  let name: string
  try {
    name = decodeURIComponent(segment)
  } catch (cause) {
    throw new Failure('usage', `not an encoded tenant name: ${segment}`, { cause })
  }
  if (encodeTenant(name) !== segment) throw new Failure('usage', `not an encoded tenant name: ${segment}`)
  return name
}

export function tenantSubject(tenant: string, database: string): Subject {
  return { kind: 'tenant', id: `tenants/${encodeTenant(tenant)}` as SubjectId, tenant, database }
}

export const masterSubject = (database: string): Subject => ({ kind: 'master', id: MASTER, database })
export const globalsSubject = (): Subject => ({ kind: 'globals', id: GLOBALS })

/** @throws Failure usage when the text is not the id of any subject. */
export function parseSubjectId(text: string): SubjectId {
  if (text === MASTER || text === GLOBALS) return text as SubjectId
  const segment = /^tenants\/([^/]+)$/.exec(text)?.[1]
  if (segment === undefined) throw new Failure('usage', `not a subject: ${text}`)
  decodeTenant(segment)
  return text as SubjectId
}

export function isSubjectId(text: string): text is SubjectId {
  try {
    return parseSubjectId(text) === text
  } catch {
    return false
  }
}

/**
 * What an operator calls it: the tenant's own name, `platform/master` or `platform/globals`. A tenant whose name looks
 * like an id goes by its own id, so that `subjectNamed` always finds the same subject again.
 */
export function subjectName(id: SubjectId): string {
  if (!id.startsWith('tenants/')) return id
  const name = decodeTenant(id.slice('tenants/'.length))
  return isSubjectId(name) ? id : name
}

/** The subject an operator names: an id (`platform/master`, `tenants/<encoded>`) is taken as one, anything else is a tenant's own name. */
export function subjectNamed(name: string): SubjectId {
  return isSubjectId(name) ? name : parseSubjectId(`tenants/${encodeTenant(name)}`)
}
