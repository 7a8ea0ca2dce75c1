// `recover` at an address where no store is: said at once, or while it is still tried, with what to type next; nothing is kept of it.
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Failure } from '../../src/domain/errors.js'
import { newIdentityFile } from '../../src/jobs/keys.js'
import { s3Store } from '../../src/store/s3.js'
import { s3Failure } from '../../src/store/s3-errors.js'
import { systemClock } from '../../src/sys/clock.js'
import { until } from '../kit/clock.js'
import { temporaryFolder } from '../kit/cluster.js'
import { failureOf } from '../kit/failing.js'
import { CLI } from '../kit/installation.js'
import { type HttpsR2, startHttps } from '../kit/r2-https.js'

const PAGE = '<!DOCTYPE html><html><body><h1>Not Found</h1><hr></body></html>'
const KEYS = { accessKeyId: 'AKIDAKID', secretAccessKey: 'SECRETSECRET' }

let folder: { path: string; remove(): Promise<void> }
let identity: string
let tls: HttpsR2
/** Some other program's HTTP server: the bucket's name is the status that it answers with. */
const page = createServer((incoming, answer) => {
  incoming.resume()
  const status = Number(/\d+/.exec(incoming.url ?? '')?.[0])
  answer.writeHead(status, { 'content-type': 'text/html; charset=utf-8' })
  answer.end(incoming.method === 'HEAD' ? undefined : PAGE)
})
/** Takes the connection and says nothing. */
const mute = createTcpServer(() => {})
const hostOf = (server: { address(): unknown }) => `127.0.0.1:${(server.address() as AddressInfo).port}`

beforeAll(async () => {
  folder = await temporaryFolder()
  identity = join(folder.path, 'identity.txt')
  writeFileSync(identity, (await newIdentityFile(systemClock)).text, { mode: 0o600 })
  for (const server of [page, mute])
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  // Nothing is ever passed on: nobody here trusts its certificate.
  const nobody = { endpoint: '', bucket: '', ...KEYS, stop: async () => {} }
  tls = await startHttps(nobody, folder.path)
})

afterAll(async () => {
  page.close().closeAllConnections()
  mute.close()
  await tls.stop()
  await folder.remove()
})

/** The built command at this address. */
function recover(store: string, more: string[] = []) {
  const args = ['--identity', identity, 'recover', '--store', store, '--folder', 'one', ...more]
  return execa('node', [CLI, ...args], {
    ...{ reject: false, stdin: 'ignore', cwd: folder.path },
    env: { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey },
  })
}

const configuration = () => existsSync(join(folder.path, 'one', 'gmah-backup.yaml'))

describe('what answers is no store', () => {
  const listing = async (endpoint: string, bucket = 'b'): Promise<Failure> => {
    const store = s3Store({ endpoint, bucket, ...KEYS })
    return failureOf(store.folders('tenants/')[Symbol.asyncIterator]().next())
  }

  it.each([
    ['404', 'store-missing', true],
    ['403', 'store-denied', true],
    ['200', 'store-unreachable', true],
    ['503', 'store-busy', undefined],
  ])('a page with status %s: %s, and whether waiting may help', async (bucket, code, lasting) => {
    const failure = await listing(`http://${hostOf(page)}`, bucket)
    expect(failure).toMatchObject({ code, facts: { foreign: true } })
    expect(failure.facts.lasting).toBe(lasting)
    expect((failure.cause as Error).message).toBe(`HTTP ${bucket} with text/html, which is no answer of S3's`)
    expect(failure.hint).toContain(hostOf(page))
    expect(failure.hint).toContain('check the address (--store, or store.endpoint')
  })

  it.each([
    ['a certificate that nobody vouches for', () => `https://${tls.host}`, 'NODE_EXTRA_CA_CERTS'],
    ['TLS where none is spoken', () => `https://${hostOf(page)}`, 'does not speak TLS'],
  ])('%s: nothing that passes by waiting', async (_, endpoint, hint) => {
    const failure = await listing(endpoint())
    expect(failure).toMatchObject({ code: 'store-unreachable', facts: { lasting: true } })
    expect(failure.hint).toContain(hint)
  })

  it.each([
    ['ENOTFOUND', true, 'there is no host r2.example'],
    ['EAI_AGAIN', undefined, 'check the endpoint, the network'],
    ['ECONNREFUSED', undefined, 'nothing listens at r2.example'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', true, 'does not trust the certificate of r2.example'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', true, 'does not trust the certificate of r2.example'],
    ['CERT_HAS_EXPIRED', true, 'date -u'],
  ])('%s of the socket', (code, lasting, hint) => {
    const context = { operation: 'list', host: 'r2.example', secrets: [] } as const
    const failure = s3Failure(Object.assign(new Error(`said ${code}`), { code }), 'list', context)
    expect([failure.code, failure.facts.lasting]).toEqual(['store-unreachable', lasting])
    expect(failure.hint).toContain(hint)
    expect((failure.cause as Error).message).toBe(`said ${code}`)
  })
})

describe('recover', () => {
  it('says it at once, in a few lines or as clean JSON; the same folder takes another address then', async () => {
    const text = await recover(`http://${hostOf(page)}/404`)
    expect([text.exitCode, text.stdout]).toEqual([6, ''])
    expect(text.stderr.split('\n').map(line => line.trim().split(':')[0])).toEqual([
      ...['error', 'because', 'hint'],
    ])
    expect(configuration()).toBe(false)
    const json = await recover(`http://${hostOf(page)}/200`, ['--json'])
    expect([json.exitCode, json.stderr]).toEqual([6, ''])
    expect(JSON.parse(json.stdout).error).toMatchObject({
      ...{ code: 'store-unreachable', facts: { lasting: true } },
      causes: ["HTTP 200 with text/html, which is no answer of S3's"],
    })
  })

  it('says within seconds that it waits and for what; Ctrl-C ends it, and nothing is kept', async () => {
    const child = recover(`http://${hostOf(mute)}/b`)
    let said = ''
    child.stderr?.on('data', part => {
      said += part
    })
    await until(() => said.includes('\n') || child.exitCode !== null)
    expect(said.split('\n')[0]).toBe(
      `waiting for bucket b at ${hostOf(mute)}: no answer yet; trying for about 30 s`,
    )
    const killedTicks = systemClock.ticks()
    child.kill('SIGINT')
    const { exitCode, stdout } = await child
    // The silent request would end by itself after half a minute.
    expect(systemClock.ticks() - killedTicks).toBeLessThan(20_000)
    expect([exitCode, stdout, configuration()]).toEqual([130, '', false])
  })
})
