// The API under requests that its own document describes, kept and broken: no answer of 5xx, none that does not come, none
// that tells a secret; and each one is what the document says of it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi } from '../kit/api.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type Document, type FuzzedRequest, requestsOf } from '../kit/fuzz/requests.js'

/** FUZZ_REQUESTS=5000 for a long look. */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 250)
const ANSWER_MS = 30_000

let cluster: Cluster
beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE notes AS SELECT 1 AS id' })
})
afterAll(() => cluster.stop())

interface Got {
  status: number
  type: string
  text: string
}

async function send(base: string, token: string | null, request: FuzzedRequest): Promise<Got> {
  const answer = await fetch(base + request.url, {
    method: request.method,
    headers: { ...request.headers, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    ...(request.body === null ? {} : { body: request.body }),
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
  if (type !== 'text/event-stream') return { status: answer.status, type, text: await answer.text() }
  // A stream lasts: its first piece is enough.
  const reader = answer.body?.getReader()
  const first = await reader?.read()
  await reader?.cancel()
  return { status: answer.status, type, text: Buffer.from(first?.value ?? []).toString() }
}

test(`${REQUESTS} requests from the document itself`, { timeout: 900_000 }, async () => {
  const { ask, token, server, here, app } = await openApi({
    ...cluster.target,
    password: 'hunter2-of-postgres',
  })
  const document = (await ask('GET', '/v1/openapi.json')).json() as Document
  const tokens = [token('admin'), token('admin'), token('operator'), token('viewer', ['acme']), null]
  const secrets = [
    'hunter2-of-postgres',
    ...tokens.filter(one => one !== null),
    /AGE-SECRET-KEY-\S+/.exec(readFileSync(join(here.folder, 'operational.txt'), 'utf8'))?.[0] ?? '?',
  ]
  const base = await server.listen({ host: '127.0.0.1', port: 0 })
  const described = descriptions(document)
  const seen = new Map<string, number>()
  const lawful = fc.asyncProperty(requestsOf(document), fc.constantFrom(...tokens), async (request, as) => {
    const got = await send(base, as, request)
    const note = `${request.method} ${request.url} ${request.body} → ${got.status} ${got.text.slice(0, 300)}`
    seen.set(`${request.route} ${got.status}`, (seen.get(`${request.route} ${got.status}`) ?? 0) + 1)
    expect(got.status, note).toBeLessThan(500)
    for (const secret of secrets) expect(got.text.includes(secret), note).toBe(false)
    // The router itself refuses what is no URL, before any route is known.
    if (request.route.startsWith('/v1/') && got.type !== 'text/event-stream')
      expect(described(request, got), note).toBe('as described')
  })
  await fc.assert(lawful, { numRuns: REQUESTS, endOnFailure: true })
  await app.runner.idle()
  expect(seen.size).toBeGreaterThan(20)
  expect(app.verifyAudit().lines).toBeGreaterThan(0)
})

/** Says whether an answer is of a status, a type and a shape that the document has for it. */
function descriptions(document: Document): (request: FuzzedRequest, got: Got) => string {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const compiled = new Map<string, ValidateFunction>()
  return ({ method, route }, { status, type, text }) => {
    const content = document.paths[route]?.[method.toLowerCase()]?.responses[status]?.content
    const schema = (content?.[type] as { schema?: object } | undefined)?.schema
    if (!schema) return `${status} ${type} is not described`
    if (!type.includes('json')) return 'as described'
    const key = `${method} ${route} ${status} ${type}`
    const validate = compiled.get(key) ?? ajv.compile(schema)
    compiled.set(key, validate)
    return validate(JSON.parse(text)) ? 'as described' : ajv.errorsText(validate.errors)
  }
}
