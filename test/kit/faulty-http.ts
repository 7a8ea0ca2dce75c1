// A proxy in front of an HTTP server that records every request and, on command, answers wrongly, late, in part or not at all.
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

export type HttpEffect =
  /** Answers by itself; the server behind never hears of it. */
  | { status: number; body?: string; headers?: Record<string, string> }
  /** Cuts the connection: in the middle of the request's body, before the server hears of it, or after it has done what was asked. */
  | { reset: 'midway' | 'before' | 'after'; meanwhile?: () => void }
  /** Sends the answer's head and its first bytes, then cuts the connection. */
  | { cutAt: number }
  /** Changes the answer's body but not its head. */
  | { garble: (body: Buffer) => Buffer }
  | { delayMs: number }
  /** Does what was asked, but something else first. */
  | { first: () => Promise<unknown> }
  /** Takes the request and never answers. */
  | { hang: true }

export interface HttpFault {
  method?: string
  path?: RegExp
  /** The first matching request it applies to, from 1 (the default). */
  nth?: number
  /** How many from there; 1 unless told otherwise. */
  times?: number
  effect: HttpEffect
}

export interface RecordedRequest {
  method: string
  /** Path and query as they were sent. */
  url: string
  headers: IncomingHttpHeaders
  bodyBytes: number
}

export interface FaultyHttp {
  /** The endpoint to use in place of the one behind. */
  endpoint: string
  readonly requests: RecordedRequest[]
  /** How many are under way: what a killed client has asked for may be done after its death. */
  underWay(): number
  add(fault: HttpFault): void
  heal(): void
  stop(): Promise<void>
}

interface Exchange {
  incoming: IncomingMessage
  body: Buffer
  outgoing: ServerResponse
}

/** Starts the proxy in front of `target` (an http URL) on a free port. */
export async function faultyHttp(target: string): Promise<FaultyHttp> {
  const behind = new URL(target)
  const requests: RecordedRequest[] = []
  let underWay = 0
  let active: { fault: HttpFault; seen: number }[] = []
  const hits = (method: string, url: string) =>
    active.filter(({ fault }) => (fault.method ?? method) === method && (fault.path?.test(url) ?? true))
  const meet = (method: string, url: string): HttpEffect | null => {
    const hit = hits(method, url).filter(({ fault }) => !isMidway(fault.effect))
    for (const one of hit) one.seen++
    const due = hit.find(({ fault: { nth = 1, times = 1 }, seen }) => seen >= nth && seen < nth + times)
    return due?.fault.effect ?? null
  }
  const server = createServer(async (incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming
    underWay++
    const midway = hits(method, url).find(({ fault }) => isMidway(fault.effect))?.fault.effect
    const begun = midway && (() => cut(outgoing, midway))
    const body = await collect(incoming, begun).catch(() => null)
    requests.push({ method, url, headers, bodyBytes: body?.length ?? 0 })
    const effect = meet(method, url)
    // A client that died in the middle of its body has sent no request: the server would wait for the rest of it for ever.
    const answered = body
      ? answer(behind, { incoming, body, outgoing }, effect)
      : Promise.resolve(cut(outgoing))
    await answered.finally(() => underWay--)
  })
  server.on('checkContinue', (incoming, outgoing) => server.emit('request', incoming, outgoing))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}${behind.pathname.replace(/\/$/, '')}`,
    requests,
    underWay: () => underWay,
    add: fault => void active.push({ fault, seen: 0 }),
    heal: () => {
      active = []
    },
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(behind: URL, exchange: Exchange, effect: HttpEffect | null): Promise<void> {
  const { outgoing } = exchange
  if (effect && 'hang' in effect) return
  if (effect && 'status' in effect) {
    outgoing.writeHead(effect.status, { 'content-type': 'application/xml', ...effect.headers })
    outgoing.end(exchange.incoming.method === 'HEAD' ? undefined : (effect.body ?? ''))
    return
  }
  if (effect && 'reset' in effect && effect.reset === 'before') return cut(outgoing, effect)
  if (effect && 'first' in effect) await effect.first()
  if (effect && 'delayMs' in effect) await new Promise(resolve => setTimeout(resolve, effect.delayMs))
  const reply = await forward(behind, exchange).catch(() => null)
  if (!reply || (effect && 'reset' in effect)) return cut(outgoing, effect)
  if (effect && 'garble' in effect) {
    const { 'content-length': _, ...headers } = reply.headers
    outgoing.writeHead(reply.status, headers)
    outgoing.end(effect.garble(reply.body))
    return
  }
  outgoing.writeHead(reply.status, reply.headers)
  if (effect && 'cutAt' in effect) outgoing.write(reply.body.subarray(0, effect.cutAt), () => cut(outgoing))
  else outgoing.end(reply.body)
}

function cut(outgoing: ServerResponse, effect: HttpEffect | null = null): void {
  if (effect && 'reset' in effect) effect.meanwhile?.()
  outgoing.socket?.destroy()
}

/** Of all requests that match, whatever `nth` and `times` say: it is met before there is a request to count. */
const isMidway = (effect: HttpEffect): boolean => 'reset' in effect && effect.reset === 'midway'

/** The host header goes on as the client signed it. */
function forward(
  behind: URL,
  { incoming, body }: Exchange,
): Promise<{ status: number; headers: Record<string, string | string[]>; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { method, url: path, headers } = incoming
    const sent = request({ host: behind.hostname, port: behind.port, method, path, headers }, async reply => {
      try {
        const kept = Object.entries(reply.headers).filter(
          ([name]) => !/^(connection|keep-alive|transfer-encoding)$/.test(name),
        )
        resolve({
          status: reply.statusCode ?? 502,
          headers: Object.fromEntries(kept) as Record<string, string | string[]>,
          body: await collect(reply),
        })
      } catch (thrown) {
        reject(thrown)
      }
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

async function collect(stream: AsyncIterable<Buffer>, begun?: () => void): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) {
    if (parts.length === 0) begun?.()
    parts.push(part)
  }
  return Buffer.concat(parts)
}
