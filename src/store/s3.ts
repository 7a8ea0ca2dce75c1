// The store port on Cloudflare R2 and other S3 stores: single puts, conditional where asked, each body checked by its MD5.
// One request an operation and no retries: those are a wrapper's. Long streams go as multipart uploads (s3-stream.ts).
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { Failure } from '../domain/errors.js'
import { checkPrefix } from './key-law.js'
import type { ListOptions, PutOptions, Store, StoredObject } from './port.js'
import { type Bucket, corrupt, dateOf, etagOf, openBucket, readAll } from './s3-bucket.js'
import type { S3Options } from './s3-client.js'
import { getRange } from './s3-range.js'
import { abortUpload, putStream, uploads } from './s3-stream.js'

/** A store in one bucket; nothing is sent, and the SDK not loaded, before the first call. Etags are as S3 gives them, unquoted. */
export function s3Store(options: S3Options): Store {
  const bucket = openBucket(options)
  return {
    name: `bucket ${options.bucket} at ${new URL(options.endpoint).host}`,
    put: (key, body, how = {}) => put(bucket, { key, body, how }),
    get: (key, how = {}) => get(bucket, key, how.signal),
    head: (key, how = {}) => head(bucket, key, how.signal),
    putStream: (key, body, how) => putStream(bucket, { key, body, how }),
    getRange: (key, range, how = {}) => getRange(bucket, key, { ...range, ...how }),
    uploads: (prefix, how = {}) => uploads(bucket, prefix, how.signal),
    abortUpload: (upload, how = {}) => abortUpload(bucket, upload, how.signal),
    list: (prefix, how = {}) => list(bucket, prefix, how),
    folders: (prefix, how = {}) => folders(bucket, prefix, how.signal),
    delete: (key, how = {}) => remove(bucket, key, how.signal),
  }
}

async function put(
  bucket: Bucket,
  { key, body, how }: { key: string; body: Uint8Array; how: PutOptions },
): Promise<{ etag: string }> {
  bucket.checkKey(key)
  const output = await bucket.send('put', `put ${key}`, how.signal, (sdk, client, abortSignal) =>
    client.send(
      new sdk.PutObjectCommand({
        Bucket: bucket.name,
        Key: key,
        Body: body,
        ContentLength: body.length,
        ContentMD5: createHash('md5').update(body).digest('base64'),
        ...(how.when === 'absent' ? { IfNoneMatch: '*' } : {}),
        ...(typeof how.when === 'object' ? { IfMatch: `"${how.when.etag}"` } : {}),
      }),
      { abortSignal },
    ),
  )
  return { etag: etagOf(output, `put ${key}`) }
}

async function get(
  bucket: Bucket,
  key: string,
  signal: AbortSignal | undefined,
): Promise<{ body: Uint8Array; etag: string }> {
  bucket.checkKey(key)
  return bucket.send('get', `get ${key}`, signal, async (sdk, client, abortSignal) => {
    const output = await client.send(new sdk.GetObjectCommand({ Bucket: bucket.name, Key: key }), {
      abortSignal,
    })
    const etag = etagOf(output, `get ${key}`)
    const body = await readAll(output.Body as Readable, abortSignal)
    if (output.ContentLength !== undefined && output.ContentLength !== body.length) {
      throw corrupt(key, `${body.length} bytes came where ${output.ContentLength} were announced`)
    }
    // An etag is the MD5 of a single put's body, unless the store encrypts with a key of its own management.
    const isMd5 = /^[0-9a-f]{32}$/.test(etag) && !output.SSEKMSKeyId && !output.SSECustomerAlgorithm
    if (isMd5 && createHash('md5').update(body).digest('hex') !== etag) {
      throw corrupt(key, 'what came is not what was stored: its MD5 differs from the etag')
    }
    return { body, etag }
  })
}

async function head(
  bucket: Bucket,
  key: string,
  signal: AbortSignal | undefined,
): Promise<{ bytes: number; etag: string; modifiedAt: Date } | null> {
  bucket.checkKey(key)
  return bucket.send('head', `look at ${key}`, signal, async (sdk, client, abortSignal) => {
    try {
      const output = await client.send(new sdk.HeadObjectCommand({ Bucket: bucket.name, Key: key }), {
        abortSignal,
      })
      const etag = etagOf(output, `look at ${key}`)
      return { bytes: output.ContentLength ?? 0, etag, modifiedAt: dateOf(output, `look at ${key}`) }
    } catch (thrown) {
      if (!(thrown instanceof sdk.NotFound)) throw thrown
      // The answer to HEAD has no body: the bucket itself may be what is missing.
      await client.send(new sdk.HeadBucketCommand({ Bucket: bucket.name }), { abortSignal })
      return null
    }
  })
}

async function* list(bucket: Bucket, prefix: string, how: ListOptions): AsyncGenerator<StoredObject> {
  for await (const page of pages(bucket, prefix, { ...how, what: `list ${prefix}` })) {
    for (const one of page.Contents ?? []) {
      if (one.Key === undefined) throw new Failure('store-refused', 'a listing has an object without a key')
      yield {
        key: decodeKey(one.Key, page.EncodingType),
        bytes: one.Size ?? 0,
        modifiedAt: dateOf(one, `list ${prefix}`),
        ...(one.ETag ? { version: etagOf(one, `list ${prefix}`) } : {}),
      }
    }
  }
}

async function* folders(
  bucket: Bucket,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const how = { what: `list the folders of ${prefix}`, delimiter: '/', ...(signal ? { signal } : {}) }
  for await (const page of pages(bucket, prefix, how)) {
    for (const one of page.CommonPrefixes ?? []) {
      if (one.Prefix) yield decodeKey(one.Prefix, page.EncodingType).slice(prefix.length)
    }
  }
}

async function* pages(
  bucket: Bucket,
  prefix: string,
  how: ListOptions & { what: string; delimiter?: string },
) {
  checkPrefix(prefix)
  let token: string | undefined
  do {
    const page = await bucket.send('list', how.what, how.signal, (sdk, client, abortSignal) =>
      client.send(
        new sdk.ListObjectsV2Command({
          Bucket: bucket.name,
          Prefix: prefix,
          // XML has no way to write most control characters, and the application's keys may hold them.
          ...(bucket.anyKeys ? { EncodingType: 'url' } : {}),
          ...(how.delimiter ? { Delimiter: how.delimiter } : {}),
          ...(token ? { ContinuationToken: token } : how.after ? { StartAfter: how.after } : {}),
        }),
        { abortSignal },
      ),
    )
    // Some proxy's own page with status 200 reads as an empty listing, which would look like an empty store.
    if (page.IsTruncated === undefined) {
      throw new Failure('store-unreachable', `cannot ${how.what}: the answer is not a listing`)
    }
    yield page
    token = page.NextContinuationToken
    if (page.IsTruncated && !token) {
      throw new Failure('store-refused', `cannot ${how.what}: the store says there is more but not where`)
    }
  } while (token)
}

async function remove(bucket: Bucket, key: string, signal: AbortSignal | undefined): Promise<void> {
  bucket.checkKey(key)
  try {
    await bucket.send('delete', `delete ${key}`, signal, (sdk, client, abortSignal) =>
      client.send(new sdk.DeleteObjectCommand({ Bucket: bucket.name, Key: key }), { abortSignal }),
    )
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'object-missing') return
    throw thrown
  }
}

/** In an encoded listing a space may come as `+`; a plus itself never does. */
const decodeKey = (key: string, encoding: string | undefined): string =>
  encoding === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key
