// R2's rules on the very requests that leave the machine: what is sent, what never is, and how R2's answers read to us.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { asFailure, causes } from '../../src/domain/errors.js'
import type { Store } from '../../src/store/port.js'
import { probeStore } from '../../src/store/probe.js'
import { retrying } from '../../src/store/retrying.js'
import { s3Store } from '../../src/store/s3.js'
import type { S3Options } from '../../src/store/s3-client.js'
import { systemClock } from '../../src/sys/clock.js'
import { type FaultyHttp, faultyHttp, type RecordedRequest } from '../kit/faulty-http.js'
import { type R2, startR2 } from '../kit/r2.js'
import { all, codeOf } from './store-samples.js'

let r2: R2
let proxy: FaultyHttp
let store: Store

beforeAll(async () => {
  r2 = await startR2()
  proxy = await faultyHttp(r2.endpoint)
  store = s3Store({ ...r2, endpoint: proxy.endpoint })
})
afterEach(() => {
  proxy.requests.length = 0
})
afterAll(async () => {
  await proxy.stop()
  await r2.stop()
})

const xml = (code: string) =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>said so</Message></Error>`

/** The simulator drops the connection after a refusal, at times, so the next request needs a second try. */
const persistent = (options: S3Options): Store => retrying(s3Store(options), { clock: systemClock })

/** What a request asks for, in S3's terms, by method, path and query; null for anything this program may not send. */
function operationOf({ method, url }: RecordedRequest): string | null {
  const { pathname, searchParams } = new URL(url, 'http://x')
  const below = pathname.slice(new URL(r2.endpoint).pathname.length)
  const [, bucket, ...key] = below.split('/')
  if (bucket !== r2.bucket) return null
  const query = [...searchParams.keys()].filter(one => one !== 'x-id').sort()
  const onObject = key.join('/') !== ''
  if (!onObject && method === 'HEAD' && query.length === 0) return 'HeadBucket'
  const listing = new Set(['continuation-token', 'delimiter', 'list-type', 'prefix', 'start-after'])
  if (
    !onObject &&
    method === 'GET' &&
    searchParams.get('list-type') === '2' &&
    query.every(one => listing.has(one))
  ) {
    return 'ListObjectsV2'
  }
  const byMethod: Record<string, string> = {
    PUT: 'PutObject',
    GET: 'GetObject',
    HEAD: 'HeadObject',
    DELETE: 'DeleteObject',
  }
  return onObject && query.length === 0 ? (byMethod[method] ?? null) : null
}

async function everything(): Promise<void> {
  await probeStore(store)
  await store.put('big', Buffer.alloc(8 * 1024 * 1024, 'x'))
  await store.put('empty', new Uint8Array())
  await store.get('big')
  await store.head('nothing')
  await all(store.list(''))
  await all(store.folders(''))
  await store.delete('big')
}

describe('what is sent', () => {
  it('is only what R2 offers and this program may use', async () => {
    await everything()
    const sent = new Set(proxy.requests.map(operationOf))
    expect([...sent].sort()).toEqual([
      'DeleteObject',
      'GetObject',
      'HeadBucket',
      'HeadObject',
      'ListObjectsV2',
      'PutObject',
    ])
  })

  it('has none of the headers that R2 refuses, and no Expect that makes a put wait', async () => {
    await everything()
    const forbidden =
      /^(x-amz-checksum-.*|x-amz-sdk-checksum-algorithm|x-amz-trailer|x-amz-decoded-content-length|x-amz-acl|x-amz-grant-.*|x-amz-tagging|x-amz-server-side-encryption.*|x-amz-object-lock-.*|x-amz-expected-bucket-owner|x-amz-request-payer|x-amz-storage-class|expect|transfer-encoding)$/
    for (const { headers } of proxy.requests) {
      expect(Object.keys(headers).filter(name => forbidden.test(name))).toEqual([])
      expect(headers['content-encoding'] ?? '').not.toContain('aws-chunked')
      expect(headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/)
    }
  })

  it('is signed for region auto and addressed by path', async () => {
    await everything()
    for (const { headers, url } of proxy.requests) {
      expect(headers.authorization).toMatch(
        /^AWS4-HMAC-SHA256 Credential=[0-9a-f]+\/\d{8}\/auto\/s3\/aws4_request,/,
      )
      expect(headers.host).toBe(new URL(proxy.endpoint).host)
      expect(url.startsWith(`${new URL(r2.endpoint).pathname}/${r2.bucket}`)).toBe(true)
    }
  })

  it('never has the secret in it', async () => {
    await everything()
    expect(JSON.stringify(proxy.requests)).not.toContain(r2.secretAccessKey)
  })

  it('carries length and MD5 with each body, and conditions as R2 wants them', async () => {
    const { etag } = await store.put('one', Buffer.from('body'), { when: 'absent' })
    await store.put('one', Buffer.from('other body'), { when: { etag } })
    const [first, second] = proxy.requests
    expect(first?.headers).toMatchObject({
      'if-none-match': '*',
      'content-length': '4',
      'content-md5': 'hBotaJrYa9FhFEdFPCLG/A==',
    })
    expect(second?.headers['if-match']).toBe(`"${etag}"`)
    await store.delete('one')
  })

  it("is one request an operation: retries are not the driver's", async () => {
    proxy.add({ times: 100, effect: { status: 500 } })
    expect(await codeOf(store.put('x', Buffer.from('x')))).toBe('store-unreachable')
    expect(proxy.requests).toHaveLength(1)
    proxy.heal()
  })

  it('pages through a listing by its token', async () => {
    const page = (keys: string, next: string) =>
      `<?xml version="1.0"?><ListBucketResult><Name>b</Name><IsTruncated>${next !== ''}</IsTruncated>${next && `<NextContinuationToken>${next}</NextContinuationToken>`}<Contents><Key>${keys}</Key><Size>1</Size><LastModified>2026-11-23T02:00:00.000Z</LastModified></Contents></ListBucketResult>`
    proxy.add({ effect: { status: 200, body: page('a', 'to+ken/=') } })
    proxy.add({ nth: 2, effect: { status: 200, body: page('b', '') } })
    expect((await all(store.list('p', { after: 'p0' }))).map(one => one.key)).toEqual(['a', 'b'])
    const [first, second] = proxy.requests.map(one => new URL(one.url, 'http://x').searchParams)
    expect(first?.get('start-after')).toBe('p0')
    expect(second?.get('continuation-token')).toBe('to+ken/=')
    proxy.heal()
  })
})

it('says nothing about Node versions, and leaves other warnings alone', async () => {
  const script = `
    import { s3Store } from '${new URL('../../dist/src/store/s3.js', import.meta.url)}'
    await s3Store(JSON.parse(process.argv[1])).head('x').catch(() => {})
    process.emitWarning('another warning')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(r2)])
  const said: string[] = []
  child.stderr.on('data', part => said.push(String(part)))
  await once(child, 'close')
  expect(said.join('')).toContain('another warning')
  expect(said.join('')).not.toContain('NodeVersionSupportWarning')
})

describe('wrong access', () => {
  it('is 401 for an unknown key and 403 for a wrong secret: denied, each with its hint', async () => {
    const unknown = persistent({ ...r2, accessKeyId: 'f'.repeat(32) })
    const wrong = persistent({ ...r2, secretAccessKey: '0'.repeat(64) })
    for (const call of [
      (s: Store) => s.put('x', Buffer.from('x')),
      (s: Store) => s.get('x'),
      (s: Store) => s.delete('x'),
    ]) {
      const first = await call(unknown).then(() => null, asFailure)
      expect(first).toMatchObject({ code: 'store-denied', facts: { status: 401 } })
      expect(first?.hint).toContain('access key id')
      const second = await call(wrong).then(() => null, asFailure)
      expect(second).toMatchObject({ code: 'store-denied', facts: { status: 403 } })
      expect(second?.hint).toContain('secret')
    }
    expect(await codeOf(unknown.head('x'))).toBe('store-denied')
    expect(await codeOf(wrong.head('x'))).toBe('store-denied')
    expect(await codeOf(all(wrong.list('')))).toBe('store-denied')
  })

  it('never shows a credential in what is said about it', async () => {
    const wrong = { ...r2, secretAccessKey: '0'.repeat(64) }
    const failure = await persistent(wrong)
      .put('x', Buffer.from('x'))
      .then(() => null, asFailure)
    const told = JSON.stringify([
      causes(failure),
      failure,
      failure?.hint,
      failure?.cause,
      String(failure?.stack),
    ])
    expect(told).not.toContain(wrong.secretAccessKey)
    expect(told).not.toContain(wrong.accessKeyId)
  })

  it('names a missing bucket, in every operation', async () => {
    const missing = persistent({ ...r2, bucket: 'no-such-bucket' })
    expect(await codeOf(missing.put('x', Buffer.from('x')))).toBe('store-missing')
    expect(await codeOf(missing.get('x'))).toBe('store-missing')
    expect(await codeOf(missing.head('x'))).toBe('store-missing')
    expect(await codeOf(missing.delete('x'))).toBe('store-missing')
    // The simulator crashes on a listing here; R2 answers 404 NoSuchBucket.
    proxy.add({ effect: { status: 404, body: xml('NoSuchBucket') } })
    expect(await codeOf(all(store.list('')))).toBe('store-missing')
    proxy.heal()
  })
})

describe('answers', () => {
  it('are no listing when they say that there is more but not where: it would be read as all there is', async () => {
    const body = '<?xml version="1.0"?><ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>'
    proxy.add({ effect: { status: 200, body } })
    expect(await codeOf(all(store.list('')))).toBe('store-refused')
    proxy.heal()
  })

  it.each([
    ['of an upload in parts', '0123456789abcdef0123456789abcdef-2', {}],
    [
      "under the store's own key",
      '0123456789abcdef0123456789abcdef',
      { 'x-amz-server-side-encryption-aws-kms-key-id': 'a-key' },
    ],
  ])('are not held against the etag %s, which is no MD5', async (_, etag, headers) => {
    proxy.add({ effect: { status: 200, body: 'body', headers: { etag: `"${etag}"`, ...headers } } })
    expect(Buffer.from((await store.get('x')).body).toString()).toBe('body')
    proxy.heal()
  })

  it.each([
    [400, 'BadDigest', 'store-unreachable'],
    [400, 'IncompleteBody', 'store-unreachable'],
    [400, 'InvalidArgument', 'store-refused'],
    [400, 'RequestTimeout', 'store-unreachable'],
    [400, 'XAmzContentSHA256Mismatch', 'store-unreachable'],
    [401, 'Unauthorized', 'store-denied'],
    [403, 'AccessDenied', 'store-denied'],
    [403, 'ObjectLockedByBucketPolicy', 'store-locked'],
    [403, 'QuotaExceeded', 'store-full'],
    [403, 'RequestTimeTooSkewed', 'store-denied'],
    [404, 'NoSuchBucket', 'store-missing'],
    // A put on an etag whose object is gone.
    [404, 'NoSuchKey', 'store-conflict'],
    [408, 'Timeout', 'store-unreachable'],
    [409, 'ConditionalRequestConflict', 'store-busy'],
    [409, 'OperationAborted', 'store-busy'],
    [409, 'SomeConflict', 'store-conflict'],
    [411, 'MissingContentLength', 'store-refused'],
    [412, 'PreconditionFailed', 'store-conflict'],
    [429, 'TooManyRequests', 'store-busy'],
    [500, 'InternalError', 'store-unreachable'],
    [501, 'NotImplemented', 'store-refused'],
    [502, 'BadGateway', 'store-unreachable'],
    [503, 'SlowDown', 'store-busy'],
    [503, 'Unavailable', 'store-busy'],
    [507, 'InsufficientStorage', 'store-full'],
    [522, 'cloudflare', 'store-unreachable'],
  ])('%i %s reads as %s', async (status, code, expected) => {
    proxy.add({ effect: { status, body: xml(code) } })
    expect(await codeOf(store.put('x', Buffer.from('x')))).toBe(expected)
    proxy.add({ effect: { status, body: '<html>not <b>XML</html>' } })
    const failure = await store.put('x', Buffer.from('x')).then(() => null, asFailure)
    expect(failure?.facts.status).toBe(status)
    proxy.heal()
  })
})
