// A Hetzner API on a real port: stateful, paged, rate-limited, with faults on command, and true to the API's own description.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../../src/sys/clock.js'
import type { RecordedCall } from './call.js'
import type { FaultPlan, HetznerFault } from './faults.js'
import { type Answer, problem, route } from './routes.js'
import { readDescription } from './schema.js'
import { Project } from './state.js'

export interface FakeHetzner {
  endpoint: string
  project: Project
  calls: RecordedCall[]
  /** Where a request or an answer was not as the API's description has it. */
  violations: string[]
  faults: FaultPlan
  token: string
  readOnly: boolean
  /** Requests left; it refills by one a second of the clock. */
  budget: number
  close(): Promise<void>
}

const LIMIT = 3600

export async function fakeHetzner(clock: Clock): Promise<FakeHetzner> {
  const description = readDescription()
  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  let refilledAt = clock.ticks()
  const fake: FakeHetzner = {
    endpoint: `http://127.0.0.1:${port}/v1`,
    project: new Project(clock),
    calls: [],
    violations: [],
    faults: () => null,
    token: 'hetzner-test-token',
    readOnly: false,
    budget: LIMIT,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  const spend = (): boolean => {
    const now = clock.ticks()
    fake.budget = Math.min(LIMIT, fake.budget + Math.floor((now - refilledAt) / 1000))
    refilledAt = now
    fake.budget = Math.max(0, fake.budget - 1)
    return fake.budget > 0
  }
  const decide = (call: RecordedCall, authorization: string | undefined): Answer => {
    if (authorization !== `Bearer ${fake.token}`) return problem(401, 'unauthorized')
    if (!spend()) return problem(429, 'rate_limit_exceeded')
    if (fake.readOnly && call.method !== 'GET') return problem(401, 'token_readonly')
    return route(fake.project, call)
  }
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://fake')
    const text = await read(request)
    const call: RecordedCall = {
      method: request.method ?? '',
      path: url.pathname.replace(/^\/v1/, ''),
      query: url.searchParams,
      body: text === '' ? undefined : JSON.parse(text),
    }
    fake.calls.push(call)
    fake.violations.push(...(description?.request(call.method, call.path, call.query, call.body ?? {}) ?? []))
    fake.project.settle()
    const fault = fake.faults(call)
    const answer = faulty(fault, () => decide(call, request.headers.authorization))
    if (answer === 'cut') return void request.socket.destroy()
    if (answer === 'hang') return
    if (answer.proxy !== true)
      fake.violations.push(...(description?.answer(call.method, call.path, answer.status, answer.body) ?? []))
    response.writeHead(answer.status, {
      'content-type': answer.proxy ? 'text/html' : 'application/json',
      'ratelimit-limit': String(LIMIT),
      'ratelimit-remaining': String(fault && 'limited' in fault ? 0 : fake.budget),
      'ratelimit-reset': String(Math.ceil(clock.now().getTime() / 1000) + LIMIT - fake.budget),
      'x-correlation-id': `c-${fake.calls.length}`,
    })
    response.end(
      answer.proxy
        ? '<html>bad gateway</html>'
        : answer.body === undefined
          ? undefined
          : JSON.stringify(answer.body),
    )
  }
  return fake
}

function faulty(fault: HetznerFault | null, decide: () => Answer): Answer | 'cut' | 'hang' {
  if (fault === null) return decide()
  if ('refuse' in fault) return problem(fault.refuse.status, fault.refuse.code)
  if ('limited' in fault) return problem(429, 'rate_limit_exceeded')
  if ('proxy' in fault && fault.when === 'before')
    return { status: fault.proxy, body: undefined, proxy: true }
  if ('cut' in fault && fault.cut === 'before') return 'cut'
  decide()
  if ('afterwards' in fault) return problem(fault.afterwards.status, fault.afterwards.code)
  if ('proxy' in fault) return { status: fault.proxy, body: undefined, proxy: true }
  return 'cut' in fault ? 'cut' : 'hang'
}

async function read(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request) text += piece
  return text
}
