// The address of a bucket as Cloudflare gives it, https://HOST/BUCKET: TLS in front of the simulator, which has a path of its own.
// A signature is of its path, so each request's is checked here and made again for the path behind.
import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { selfSigned } from './certificate.js'
import type { R2 } from './r2.js'

export interface HttpsR2 {
  /** host:port; what stands before it is https. */
  host: string
  /** For NODE_EXTRA_CA_CERTS. */
  certificateFile: string
  stop(): Promise<void>
}

/** @param folder where the certificate is made. */
export async function startHttps(r2: R2, folder: string): Promise<HttpsR2> {
  const { keyFile, certificateFile } = selfSigned(folder, 'DNS:localhost', 'r2-')
  const tls = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) }
  const server = createServer(tls, (incoming, answer) => pass(r2, incoming, answer))
  await new Promise<void>(resolve => server.listen(0, 'localhost', resolve))
  return {
    host: `localhost:${(server.address() as AddressInfo).port}`,
    certificateFile,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function pass(r2: R2, incoming: IncomingMessage, answer: ServerResponse): void {
  const signed = /^(.*SignedHeaders=([^,]+), *Signature=)([0-9a-f]{64})$/.exec(
    incoming.headers.authorization ?? '',
  )
  const [, before = '', names = '', given] = signed ?? []
  const asked = new URL(incoming.url ?? '', 'https://r2')
  const behind = new URL(r2.endpoint + (incoming.url ?? ''))
  const sign = (url: URL) => signatureOf(r2, incoming, names.split(';'), url)
  if (given === undefined || sign(asked) !== given) {
    incoming.resume()
    return void answer.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code></Error>')
  }
  const headers = { ...incoming.headers, authorization: before + sign(behind) }
  const passed = request(behind, { method: incoming.method, headers }, theirs => {
    answer.writeHead(theirs.statusCode ?? 502, theirs.headers)
    theirs.pipe(answer)
  })
  passed.on('error', () => answer.destroy())
  incoming.pipe(passed)
}

/** AWS Signature Version 4, as https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html has it. */
function signatureOf(r2: R2, { method, headers }: IncomingMessage, names: string[], url: URL): string {
  const amzDate = String(headers['x-amz-date'])
  const scope = [amzDate.slice(0, 8), 'auto', 's3', 'aws4_request']
  const query = [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&')
  const lines = names.map(name => `${name}:${String(headers[name]).trim()}\n`).join('')
  const payload = String(headers['x-amz-content-sha256'])
  const canonical = [method, url.pathname, query, lines, names.join(';'), payload].join('\n')
  const digest = createHash('sha256').update(canonical).digest('hex')
  const text = ['AWS4-HMAC-SHA256', amzDate, scope.join('/'), digest].join('\n')
  const mac = (key: string | Buffer, words: string) => createHmac('sha256', key).update(words).digest()
  const key = scope.reduce<string | Buffer>(mac, `AWS4${r2.secretAccessKey}`)
  return mac(key, text).toString('hex')
}

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
