// What R2 or another S3 store answered, in this program's words. Classified by HTTP status and S3 code, never by message.
// Sources: R2's table at developers.cloudflare.com/r2/api/error-codes, and the S3 API reference's "Error responses".
import { type ErrorCode, Failure } from '../domain/errors.js'

export type Operation = 'put' | 'get' | 'head' | 'list' | 'delete'

const BY_S3_CODE: Record<string, ErrorCode> = {
  NoSuchBucket: 'store-missing',
  NoSuchKey: 'object-missing',
  NoSuchUpload: 'object-missing',
  ObjectLockedByBucketPolicy: 'store-locked',
  // Two conditional writes met inside the store: neither answer is known, so ask again.
  ConditionalRequestConflict: 'store-busy',
  OperationAborted: 'store-busy',
  SlowDown: 'store-busy',
  // The body or the request was damaged or delayed on its way.
  BadDigest: 'store-unreachable',
  XAmzContentSHA256Mismatch: 'store-unreachable',
  IncompleteBody: 'store-unreachable',
  RequestTimeout: 'store-unreachable',
  QuotaExceeded: 'store-full',
}

const BY_STATUS: Record<number, ErrorCode> = {
  401: 'store-denied',
  403: 'store-denied',
  404: 'store-missing',
  408: 'store-unreachable',
  409: 'store-conflict',
  412: 'store-conflict',
  429: 'store-busy',
  501: 'store-refused',
  503: 'store-busy',
  507: 'store-full',
}

interface Answer {
  name: string
  /** 0 when no answer came. */
  status: number
  /** The S3 code of an answer, or the errno of a socket. */
  code: string
}

/** An error of the SDK while doing `what`, as a Failure without credentials; a Failure passes through. */
export function s3Failure(
  thrown: unknown,
  what: string,
  context: { operation: Operation; secrets: readonly string[] },
): Failure {
  if (thrown instanceof Failure) return thrown
  const answer = answerOf(thrown)
  const code = codeOf(answer, context.operation)
  const hint = hintOf(code, answer)
  return new Failure(code, `cannot ${what}`, {
    cause: withoutSecrets(thrown, answer, context.secrets),
    facts: { status: answer.status, s3Code: answer.code },
    ...(hint ? { hint } : {}),
  })
}

function answerOf(thrown: unknown): Answer {
  const error = (thrown ?? {}) as { name?: string; Code?: string; code?: string; $metadata?: object }
  const status = (error.$metadata as { httpStatusCode?: number } | undefined)?.httpStatusCode ?? 0
  return { name: error.name ?? 'Error', status, code: error.Code ?? error.code ?? error.name ?? '' }
}

function codeOf({ status, code, name }: Answer, operation: Operation): ErrorCode {
  if (operation === 'put' && code === 'NoSuchKey') return 'store-conflict'
  const known = BY_S3_CODE[code] ?? BY_STATUS[status]
  if (known) return known
  if (status >= 500) return 'store-unreachable'
  // An answer that says success and can't be read was cut, or is some proxy's page.
  if (status >= 200 && status < 300) return 'store-unreachable'
  if (status > 0) return 'store-refused'
  const fromNetwork = name === 'TimeoutError' || /^(E[A-Z_]+|ERR_[A-Z_]+|[A-Z_]*CERT[A-Z_]*)$/.test(code)
  return fromNetwork ? 'store-unreachable' : 'store-refused'
}

function hintOf(meaning: ErrorCode, { status, code }: Answer): string | undefined {
  if (status === 501) return 'the store lacks something this program needs; R2, S3 and Ceph have it'
  if (meaning !== 'store-denied') return undefined
  if (code === 'RequestTimeTooSkewed') return "set this machine's clock: it is too far from the store's"
  if (code === 'SignatureDoesNotMatch') return 'check the secret access key: the store knows the key id only'
  if (status === 401)
    return 'check the access key id and that the endpoint is the right account and jurisdiction'
  return 'check that the token may read and write objects of this very bucket'
}

/** The SDK's errors carry the whole request; only their name, status and message go on, with secrets struck out. */
function withoutSecrets(thrown: unknown, { name, status, code }: Answer, secrets: readonly string[]): Error {
  const said = thrown instanceof Error ? thrown.message.split('\n')[0] : 'no message'
  const struck = secrets.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), said ?? '')
  const label = code !== '' && code !== name ? `${name} ${code}` : name
  return new Error(`${label}${status ? `, HTTP ${status}` : ''}: ${struck}`)
}
