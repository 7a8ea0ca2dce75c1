// The content of key.age: a subject's own age identity and its chunk-id key, as JSON.
// Wrapping is sealing this text to the operator's recipients; a key that does not fit its subject is refused.
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { Failure } from '../domain/errors.js'
import { parseSubjectId, type SubjectId } from '../domain/subject.js'
import { generateIdentity, recipientOf } from './age-keys.js'
import { CHUNK_ID_KEY_BYTES } from './digest.js'

const TENANT_KEY_FORMAT = 1

export interface TenantKey {
  subject: SubjectId
  /** age, `AGE-SECRET-KEY-1…`: opens the subject's chunks and manifests. */
  identity: string
  /** age, `age1…`: what they are sealed for. */
  recipient: string
  /** 32 bytes; see chunkId. */
  chunkIdKey: Uint8Array
  /** ISO 8601, UTC. */
  createdAt: string
}

const schema = z.strictObject({
  format: z.literal(TENANT_KEY_FORMAT),
  subject: z.string(),
  identity: z.string(),
  recipient: z.string(),
  chunkIdKey: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.iso.datetime(),
})

export function newTenantKey(subject: SubjectId, now: Date): TenantKey {
  const chunkIdKey = new Uint8Array(randomBytes(CHUNK_ID_KEY_BYTES))
  return { subject, ...generateIdentity(), chunkIdKey, createdAt: now.toISOString() }
}

/** JSON in UTF-8, ready to be sealed. */
export function serialiseTenantKey(key: TenantKey): Uint8Array {
  const { subject, identity, recipient, createdAt } = key
  const chunkIdKey = Buffer.from(key.chunkIdKey).toString('hex')
  const fields = { format: TENANT_KEY_FORMAT, subject, identity, recipient, chunkIdKey, createdAt }
  return Buffer.from(`${JSON.stringify(fields, null, 2)}\n`)
}

/**
 * The inverse of serialiseTenantKey, for the subject that the key was found at.
 * @throws Failure key-invalid when it has not the right shape, is another subject's, or its recipient is not its identity's;
 * format-unknown when a newer program wrote it.
 */
export function parseTenantKey(bytes: Uint8Array, expected: SubjectId): TenantKey {
  const json = parseJson(bytes, expected)
  const format = (json as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format > TENANT_KEY_FORMAT) {
    const known = `this program knows ${TENANT_KEY_FORMAT}`
    throw new Failure('format-unknown', `the key of ${expected} has format ${format}, ${known}`)
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) throw invalid(expected, `has not the right shape: ${fieldsOf(parsed.error)}`)
  const { subject, identity, recipient, chunkIdKey, createdAt } = parsed.data
  if (subject !== expected) throw invalid(expected, `says that it belongs to ${subject}`)
  if (recipientOf(identity) !== recipient)
    throw invalid(expected, 'has a recipient that is not its identity’s')
  return {
    subject: parseSubjectId(subject),
    identity,
    recipient,
    chunkIdKey: new Uint8Array(Buffer.from(chunkIdKey, 'hex')),
    createdAt,
  }
}

/** JSON.parse quotes the text in its error, and the text is secret: no cause goes up. */
function parseJson(bytes: Uint8Array, subject: SubjectId): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw invalid(subject, 'is not JSON')
  }
}

/** Names only: never what the fields hold. */
const fieldsOf = (error: z.ZodError): string =>
  [...new Set(error.issues.map(issue => issue.path.join('.') || 'the object itself'))].join(', ')

const invalid = (subject: SubjectId, what: string): Failure =>
  new Failure('key-invalid', `the key of ${subject} ${what}`)
