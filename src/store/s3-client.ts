// The one place that makes an S3 client, with the settings that R2 needs; each request ends by a deadline, and once.
import type { S3Client } from '@aws-sdk/client-s3'

export type Sdk = typeof import('@aws-sdk/client-s3')

export interface S3Options {
  endpoint: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  /** R2's is `auto`, the default. */
  region?: string
  timeouts?: Partial<S3Timeouts>
  /** Objects that someone else named are read too: any key is taken as it is. */
  anyKeys?: boolean
  /** Called with the store's own time at each of its answers, refusals too; whole seconds. */
  onServerTime?: (at: Date) => void
}

export interface S3Timeouts {
  /** Until the connection stands. */
  connectMs: number
  /** Of silence on the connection. */
  idleMs: number
  /** Of one whole request with its answer, bodies included. */
  totalMs: number
}

/** A 4 MiB body has to pass in five minutes: 14 kB/s. */
export const DEFAULT_TIMEOUTS: S3Timeouts = { connectMs: 10_000, idleMs: 30_000, totalMs: 300_000 }
const SOCKETS_MAX = 64

/** All that requests and uploads need: half a second of CPU, so it is loaded at a store's first request and not at import. */
export const loadSdk = () => Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/lib-storage')])

/**
 * A client for R2 and its like (region auto, path style, no SDK checksums, no `Expect: 100-continue`, no SDK retries).
 */
export async function s3Client(options: S3Options): Promise<{ sdk: Sdk; client: S3Client }> {
  const sdk = await import('@aws-sdk/client-s3')
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts }
  const agent = { keepAlive: true, maxSockets: SOCKETS_MAX }
  const client = withoutNodeWarning(
    () =>
      new sdk.S3Client({
        endpoint: options.endpoint,
        region: options.region ?? 'auto',
        forcePathStyle: true,
        credentials: { accessKeyId: options.accessKeyId, secretAccessKey: options.secretAccessKey },
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        expectContinueHeader: false,
        maxAttempts: 1,
        requestHandler: {
          connectionTimeout: timeouts.connectMs,
          socketTimeout: timeouts.idleMs,
          httpAgent: agent,
          httpsAgent: agent,
        },
      }),
  )
  if (options.onServerTime) hearTime(client, options.onServerTime)
  return { sdk, client }
}

/** Inside of what reads the answer and throws at a refusal: one for a clock that is wrong tells the time as well. */
function hearTime(client: S3Client, tell: (at: Date) => void): void {
  client.middlewareStack.add(
    next => async asked => {
      const result = await next(asked)
      const { headers } = result.response as { headers?: Record<string, string> }
      const at = new Date(headers?.date ?? Number.NaN)
      if (!Number.isNaN(at.getTime())) tell(at)
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'serverTime' },
  )
}

/**
 * The SDK warns once a process that releases after January 2027 will need Node 22. The version is pinned and Node 20 is the
 * platform's, so this one warning is dropped while the client is made (which is synchronous); any other passes.
 */
function withoutNodeWarning<T>(make: () => T): T {
  const emitWarning = process.emitWarning
  process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
    if (!String(warning).startsWith('NodeVersionSupportWarning')) emitWarning(warning, ...rest)
  }) as typeof process.emitWarning
  try {
    return make()
  } finally {
    process.emitWarning = emitWarning
  }
}
