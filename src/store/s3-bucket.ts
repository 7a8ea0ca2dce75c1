// One bucket and the way to send it a request: by a deadline, once, and what went wrong in this program's words.
import { addAbortSignal, type Readable } from 'node:stream'
import type { S3Client } from '@aws-sdk/client-s3'
import { Failure } from '../domain/errors.js'
import { withDeadline } from '../sys/interruption.js'
import { checkAnyKey, checkKey } from './key-law.js'
import { DEFAULT_TIMEOUTS, type S3Options, type Sdk, s3Client } from './s3-client.js'
import { type Operation, s3Failure } from './s3-errors.js'

/** What every operation needs: the bucket, and a way to send one request. */
export interface Bucket {
  name: string
  /** Refuses a key that this program does not use; any key of someone else's passes where the store was opened for that. */
  checkKey(key: string): void
  anyKeys: boolean
  send<T>(
    operation: Operation,
    what: string,
    signal: AbortSignal | undefined,
    call: (sdk: Sdk, client: S3Client, signal: AbortSignal) => Promise<T>,
  ): Promise<T>
}

/** Nothing is sent, and the SDK not loaded, before the first request. */
export function openBucket(options: S3Options): Bucket {
  const secrets = [options.accessKeyId, options.secretAccessKey]
  const { host } = new URL(options.endpoint)
  const ms = options.timeouts?.totalMs ?? DEFAULT_TIMEOUTS.totalMs
  let opened: ReturnType<typeof s3Client> | null = null
  return {
    name: options.bucket,
    anyKeys: options.anyKeys ?? false,
    checkKey: options.anyKeys ? checkAnyKey : checkKey,
    send: async (operation, what, signal, call) => {
      opened ??= s3Client(options)
      const { sdk, client } = await opened
      const late = new Failure('store-unreachable', `cannot ${what}: not done within ${ms / 1000} s`)
      try {
        return await withDeadline({ ms, late, signal }, joined => call(sdk, client, joined))
      } catch (thrown) {
        throw s3Failure(thrown, what, { operation, host, secrets })
      }
    },
  }
}

export const corrupt = (key: string, why: string): Failure =>
  new Failure('object-corrupt', `the object ${key} came damaged: ${why}`)

export async function readAll(stream: Readable, signal: AbortSignal): Promise<Buffer> {
  addAbortSignal(signal, stream)
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}

export function etagOf(output: { ETag?: string | undefined }, what: string): string {
  if (output.ETag) return output.ETag.replace(/^"|"$/g, '')
  throw unlikeS3(what, 'etag')
}

export function dateOf(output: { LastModified?: Date | undefined }, what: string): Date {
  if (output.LastModified) return output.LastModified
  throw unlikeS3(what, 'date')
}

const unlikeS3 = (what: string, lacks: string): Failure =>
  new Failure('store-refused', `cannot ${what}: the store's answer has no ${lacks}`, {
    hint: 'what answers is no S3 store: check store.endpoint in the configuration, or what stands behind --store',
  })
