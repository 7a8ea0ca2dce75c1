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
  /** What else than a store answered, by the type of its page; null when it may have been one. */
  foreign: string | null
}

/** What came is of another kind of server: S3 answers in XML, or, to HEAD, with nothing. */
const FOREIGN = /^(text\/html|text\/plain|application\/json)\b/
/** Node's words for a certificate that it does not take. */
const CERTIFICATE = /CERT|_SIGNATURE$|^(HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)$/

/**
 * An error of the SDK while doing `what` at `host`, as a Failure without credentials; a Failure passes through.
 * Of its facts, `lasting` says that no waiting helps as long as nothing is changed, `foreign` that no store answered.
 */
export function s3Failure(
  thrown: unknown,
  what: string,
  context: { operation: Operation; host: string; secrets: readonly string[] },
): Failure {
  if (thrown instanceof Failure) return thrown
  const answer = answerOf(thrown)
  const code = codeOf(answer, context.operation)
  const hint = hintOfAddress(answer, context.host) ?? hintOf(code, answer)
  return new Failure(code, `cannot ${what}`, {
    cause: withoutSecrets(thrown, answer, context.secrets),
    facts: {
      ...{ status: answer.status, s3Code: answer.code },
      ...(isLasting(answer) ? { lasting: true } : {}),
      ...(answer.foreign === null ? {} : { foreign: true }),
    },
    ...(hint ? { hint } : {}),
  })
}

function answerOf(thrown: unknown): Answer {
  const error = (thrown ?? {}) as { name?: string; Code?: string; code?: string; $metadata?: object }
  const status = (error.$metadata as { httpStatusCode?: number } | undefined)?.httpStatusCode ?? 0
  const code = error.Code ?? error.code ?? error.name ?? ''
  return { name: error.name ?? 'Error', status, code, foreign: foreignOf(thrown) }
}

function foreignOf(thrown: unknown): string | null {
  const { $response } = (thrown ?? {}) as { $response?: { headers?: Record<string, string> } }
  const type = $response?.headers?.['content-type'] ?? ''
  return FOREIGN.exec(type)?.[0] ?? null
}

/** A page that says "later" may be a proxy's, in front of a store that starts. */
const isLasting = ({ status, code, foreign }: Answer): boolean =>
  status > 0 ? foreign !== null && status < 500 : isAddress(code) || CERTIFICATE.test(code)

/** The name is unknown, or what listens there speaks no TLS. */
const isAddress = (code: string): boolean => code === 'ENOTFOUND' || code === 'EPROTO'

function codeOf({ status, code, name }: Answer, operation: Operation): ErrorCode {
  if (operation === 'put' && code === 'NoSuchKey') return 'store-conflict'
  const known = BY_S3_CODE[code] ?? BY_STATUS[status]
  if (known) return known
  if (status >= 500) return 'store-unreachable'
  // An answer that says success and can't be read was cut, or is some proxy's page.
  if (status >= 200 && status < 300) return 'store-unreachable'
  if (status > 0) return 'store-refused'
  const fromNetwork =
    name === 'TimeoutError' || /^(E[A-Z_]+|ERR_[A-Z_]+)$/.test(code) || CERTIFICATE.test(code)
  return fromNetwork ? 'store-unreachable' : 'store-refused'
}

const ADDRESS = 'the address (--store, or store.endpoint in the configuration)'

/** Where it is the address that is wrong, or what answers there. */
function hintOfAddress({ status, code, foreign }: Answer, host: string): string | undefined {
  if (foreign !== null)
    return status < 500
      ? `what answers at ${host} is no S3 store: check ${ADDRESS}`
      : `the store behind ${host} does not work, or is none: wait until it is up, or check ${ADDRESS}`
  if (status > 0) return undefined
  if (code === 'ECONNREFUSED') return `nothing listens at ${host}: check ${ADDRESS} and its port`
  if (code === 'ENOTFOUND') return `there is no host ${host}: check ${ADDRESS}, then this machine's DNS`
  if (code === 'EPROTO') return `${host} does not speak TLS: check ${ADDRESS} and its port`
  if (code.startsWith('HPE_')) return `what answers at ${host} is no S3 store: check ${ADDRESS} and its port`
  if (/^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/.test(code))
    return `by this machine's clock the certificate of ${host} is out of date: compare \`date -u\` with the time elsewhere`
  if (CERTIFICATE.test(code))
    return `this machine does not trust the certificate of ${host}: check ${ADDRESS}; where the CA is your own, put NODE_EXTRA_CA_CERTS=CA.pem before the command`
  return undefined
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
function withoutSecrets(thrown: unknown, answer: Answer, secrets: readonly string[]): Error {
  const { name, status, code, foreign } = answer
  if (foreign !== null) return new Error(`HTTP ${status} with ${foreign}, which is no answer of S3's`)
  const struck = secrets.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), saidOf(thrown))
  if (name === 'Error' && struck.includes(code)) return new Error(struck)
  const label = code !== '' && code !== name ? `${name} ${code}` : name
  return new Error(`${label}${status ? `, HTTP ${status}` : ''}: ${struck}`)
}

/** One address after the other was tried: what each one said is in the errors inside. */
function saidOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'no message'
  const inside = thrown instanceof AggregateError ? thrown.errors.map(saidOf).join('; ') : ''
  return (thrown.message.split('\n')[0] ?? '').replace(/^@smithy\/\S+ - /, '') || inside
}
