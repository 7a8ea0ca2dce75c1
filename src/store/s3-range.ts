// A stretch of an object in an S3 store, of one very version where asked.
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { Failure } from '../domain/errors.js'
import type { Piece, Range } from './port.js'
import { type Bucket, corrupt, dateOf, etagOf, readAll } from './s3-bucket.js'

export async function getRange(
  bucket: Bucket,
  key: string,
  { start, bytes, version, signal }: Range & { version?: string; signal?: AbortSignal },
): Promise<Piece> {
  bucket.checkKey(key)
  const what = `get ${key}`
  return bucket.send('get', what, signal, async (sdk, client, abortSignal) => {
    const named = {
      Bucket: bucket.name,
      Key: key,
      ...(version === undefined ? {} : { IfMatch: `"${version}"` }),
    }
    try {
      const range = { Range: `bytes=${start}-${start + bytes - 1}` }
      const output = await client.send(new sdk.GetObjectCommand({ ...named, ...range }), { abortSignal })
      const body = await readAll(output.Body as Readable, abortSignal)
      const totalBytes = totalOf(output.ContentRange, body.length)
      const wanted = Math.max(0, Math.min(bytes, totalBytes - start))
      if (body.length !== wanted) throw corrupt(key, `${body.length} bytes came where ${wanted} were asked`)
      const etag = etagOf(output, what)
      if (body.length === totalBytes) checkMd5(key, body, etag)
      return { body, totalBytes, version: etag, modifiedAt: dateOf(output, what) }
    } catch (thrown) {
      if ((thrown as { name?: string }).name !== 'InvalidRange') throw thrown
      // Nothing is there from `start` on: an empty object, or its end.
      const output = await client.send(new sdk.HeadObjectCommand(named), { abortSignal })
      const totalBytes = output.ContentLength ?? 0
      if (totalBytes > start) throw new Failure('store-conflict', `the object ${key} changed meanwhile`)
      const body = new Uint8Array()
      return { body, totalBytes, version: etagOf(output, what), modifiedAt: dateOf(output, what) }
    }
  })
}

/** The part behind the slash of `bytes 0-9/1234`; a store that sent all of it needs no such header. */
function totalOf(contentRange: string | undefined, received: number): number {
  const total = /\/(\d+)$/.exec(contentRange ?? '')?.[1]
  return total === undefined ? received : Number(total)
}

function checkMd5(key: string, body: Uint8Array, etag: string): void {
  if (!/^[0-9a-f]{32}$/.test(etag) || createHash('md5').update(body).digest('hex') === etag) return
  throw corrupt(key, 'what came is not what was stored: its MD5 differs from the etag')
}
