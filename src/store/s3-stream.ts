// A put of unknown length as a multipart upload: lib-storage cuts the stream into equal parts, at most two of them in memory.
// Each of its requests goes through our own door, which tries again, notes the upload's id, and always aborts what failed.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { S3Client } from '@aws-sdk/client-s3'
import { asFailure, Failure } from '../domain/errors.js'
import { systemClock } from '../sys/clock.js'
import { throwIfInterrupted } from '../sys/interruption.js'
import { retry } from '../sys/retry.js'
import { checkPrefix } from './key-law.js'
import type { OpenUpload, StreamPutOptions } from './port.js'
import { type Bucket, etagOf } from './s3-bucket.js'

const MIB = 1024 * 1024
const PART_BYTES_MIN = 8 * MIB
/** S3 and R2 take 10,000; the rest is room for a stream that is longer than it was expected to be. */
const PARTS_MAX = 9_000
const PARTS_AT_ONCE = 2
/** R2's and S3's name of the cheaper class. */
const ARCHIVAL_CLASS = 'STANDARD_IA'

interface StreamPut {
  key: string
  body: AsyncIterable<Uint8Array>
  how: StreamPutOptions
}

/** Equal parts (R2 refuses others when the upload is completed), as small as their number allows. */
const partBytes = (expectedBytes: number): number =>
  Math.max(PART_BYTES_MIN, Math.ceil(expectedBytes / PARTS_MAX / MIB) * MIB)

export async function putStream(bucket: Bucket, { key, body, how }: StreamPut): Promise<{ etag: string }> {
  bucket.checkKey(key)
  throwIfInterrupted(how.signal)
  const { Upload } = await import('@aws-sdk/lib-storage')
  // What broke first is the reason; all that breaks after it does so because of it.
  const reasons: unknown[] = []
  const doorway = new Doorway(bucket, key, how, reasons)
  try {
    const upload = new Upload({
      client: await doorway.client(),
      params: {
        Bucket: bucket.name,
        Key: key,
        Body: Readable.from(watched(body, reasons)),
        IfNoneMatch: '*',
      },
      partSize: partBytes(how.expectedBytes),
      queueSize: PARTS_AT_ONCE,
      // Aborting is ours: lib-storage forgets it when the abort itself fails, or when its own signal fired.
      leavePartsOnError: true,
    })
    return { etag: etagOf(await upload.done(), `put ${key}`) }
  } catch (thrown) {
    await doorway.abort()
    throwIfInterrupted(how.signal)
    throw reasons[0] ?? asFailure(thrown)
  }
}

async function* watched(body: AsyncIterable<Uint8Array>, reasons: unknown[]): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (thrown) {
    reasons.push(thrown)
    throw thrown
  }
}

type Command = Parameters<S3Client['send']>[0]

/** Stands for the client in front of lib-storage. */
class Doorway {
  readonly #bucket: Bucket
  readonly #key: string
  readonly #how: StreamPutOptions
  readonly #reasons: unknown[]
  #upload: OpenUpload | null = null
  /** A completion without an answer may have happened: then a missing upload is our own success. */
  #completing = false

  constructor(bucket: Bucket, key: string, how: StreamPutOptions, reasons: unknown[]) {
    this.#bucket = bucket
    this.#key = key
    this.#how = how
    this.#reasons = reasons
  }

  /** The real client in all but `send`. */
  client(): Promise<S3Client> {
    return this.#bucket.send('put', `put ${this.#key}`, this.#how.signal, async (_, client) =>
      Object.create(client, { send: { value: (command: Command) => this.#noted(command) } }),
    )
  }

  async abort(): Promise<void> {
    if (!this.#upload) return
    // The caller's signal has fired, perhaps: this must go out all the same. What stays is found by the next run.
    await retry(() => abortUpload(this.#bucket, this.#upload as OpenUpload, undefined), {
      clock: systemClock,
      budgetMs: 10_000,
    }).catch(() => {})
  }

  async #noted(command: Command): Promise<unknown> {
    try {
      return await this.#send(command)
    } catch (thrown) {
      this.#reasons.push(thrown)
      throw thrown
    }
  }

  async #send(command: Command): Promise<unknown> {
    switch (command.constructor.name) {
      case 'CreateMultipartUploadCommand':
      case 'PutObjectCommand':
        return this.#begin(command)
      case 'CompleteMultipartUploadCommand':
        return this.#complete(command)
      default:
        return this.#again(command)
    }
  }

  /** Where the store has no class for archives it says so, and the object goes where all others are. */
  async #begin(command: Command): Promise<unknown> {
    const input = command.input as { StorageClass?: string; UploadId?: string }
    if (this.#how.archival) input.StorageClass = ARCHIVAL_CLASS
    const output = await this.#again(command).catch(thrown => {
      if (input.StorageClass === undefined || asFailure(thrown).facts.status !== 501) throw thrown
      delete input.StorageClass
      return this.#again(command)
    })
    const id = (output as { UploadId?: string }).UploadId
    if (id !== undefined) {
      this.#upload = { key: this.#key, id }
      this.#how.onUpload?.(id)
    }
    return output
  }

  async #complete(command: Command): Promise<unknown> {
    // Not every store honours the condition on completing, so what is there already is asked for as well.
    if (await this.#head()) {
      throw new Failure('store-conflict', `the object ${this.#key} exists already`)
    }
    this.#completing = true
    return this.#again(command)
  }

  #again(command: Command): Promise<unknown> {
    const { signal } = this.#how
    let unclear = false
    const attempt = async () => {
      try {
        return await this.#once(command)
      } catch (thrown) {
        const failure = asFailure(thrown)
        const gone = failure.code === 'object-missing' || failure.code === 'store-conflict'
        const etag = gone && unclear ? await this.#ownSuccess(command) : null
        if (etag !== null) return { ETag: etag }
        unclear ||= failure.retryable
        throw failure
      }
    }
    return retry(attempt, { clock: systemClock, ...(signal ? { signal } : {}) })
  }

  /** What is there now is what we sent when the upload is gone, or when a body that went in one request has its MD5. */
  async #ownSuccess(command: Command): Promise<string | null> {
    const { Body: body } = command.input as { Body?: unknown }
    const isWhole = command.constructor.name === 'PutObjectCommand' && body instanceof Uint8Array
    if (!this.#completing && !isWhole) return null
    const etag = await this.#head()
    return this.#completing || (isWhole && etag === createHash('md5').update(body).digest('hex'))
      ? etag
      : null
  }

  #once(command: Command): Promise<unknown> {
    return this.#bucket.send('put', `put ${this.#key}`, this.#how.signal, (_, client, abortSignal) =>
      client.send(command, { abortSignal }),
    )
  }

  async #head(): Promise<string | null> {
    const { name } = this.#bucket
    const look = () =>
      this.#bucket.send(
        'head',
        `look at ${this.#key}`,
        this.#how.signal,
        async (sdk, client, abortSignal) => {
          try {
            const head = new sdk.HeadObjectCommand({ Bucket: name, Key: this.#key })
            return etagOf(await client.send(head, { abortSignal }), `look at ${this.#key}`)
          } catch (thrown) {
            if (thrown instanceof sdk.NotFound) return null
            throw thrown
          }
        },
      )
    return retry(look, { clock: systemClock, ...(this.#how.signal ? { signal: this.#how.signal } : {}) })
  }
}

export async function* uploads(
  bucket: Bucket,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<OpenUpload> {
  checkPrefix(prefix)
  let after: { KeyMarker: string; UploadIdMarker: string } | null = null
  do {
    const page = await bucket.send(
      'list',
      `list the uploads below ${prefix}`,
      signal,
      (sdk, client, abortSignal) => {
        const asked = { Bucket: bucket.name, Prefix: prefix, ...after }
        return client.send(new sdk.ListMultipartUploadsCommand(asked), { abortSignal })
      },
    )
    for (const { Key, UploadId } of page.Uploads ?? []) {
      if (Key !== undefined && UploadId !== undefined) yield { key: Key, id: UploadId }
    }
    const { IsTruncated, NextKeyMarker = '', NextUploadIdMarker = '' } = page
    after = IsTruncated ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker } : null
  } while (after)
}

export async function abortUpload(
  bucket: Bucket,
  { key, id }: OpenUpload,
  signal: AbortSignal | undefined,
): Promise<void> {
  bucket.checkKey(key)
  try {
    await bucket.send('delete', `abort the upload of ${key}`, signal, (sdk, client, abortSignal) => {
      const command = new sdk.AbortMultipartUploadCommand({ Bucket: bucket.name, Key: key, UploadId: id })
      return client.send(command, { abortSignal })
    })
  } catch (thrown) {
    if (asFailure(thrown).code !== 'object-missing') throw thrown
  }
}
