// A real HTTP endpoint that behaves as Slack's incoming webhooks do, and keeps what was posted.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SlackMessage } from '../../src/alert/render/slack.js'
import type { SlackChannel } from '../../src/domain/alerts.js'

export interface SlackFault {
  status: number
  body: string
  retryAfter?: number
}

export interface SlackServer {
  posts: SlackMessage[]
  /** Every request, those that were refused too. */
  requests: number
  channel(name?: string, more?: Partial<SlackChannel>): SlackChannel
  /** Answers so from here on; 'hang' takes the request and never answers. */
  fault(fault: SlackFault | 'hang' | 'no-blocks' | null): void
  /** Refuses connections from here on, or takes them again. */
  stop(): Promise<void>
  start(): Promise<void>
  url: string
}

export async function startSlack(): Promise<SlackServer> {
  const state: { fault: SlackFault | 'hang' | 'no-blocks' | null; port: number } = { fault: null, port: 0 }
  const posts: SlackMessage[] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    self.requests++
    const answer = (status: number, body: string, headers = {}) =>
      response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(body)
    const { fault } = state
    if (fault === 'hang') return
    if (fault && fault !== 'no-blocks') {
      const headers = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }
      return answer(fault.status, fault.body, headers)
    }
    const message = JSON.parse(Buffer.concat(parts).toString()) as SlackMessage
    if (!message.text && !message.attachments) return answer(400, 'no_text')
    if (fault === 'no-blocks' && message.attachments) return answer(400, 'invalid_payload')
    posts.push(message)
    answer(200, 'ok')
  })
  const start = async () => {
    await new Promise<void>(resolve => server.listen(state.port, '127.0.0.1', resolve))
    state.port = (server.address() as AddressInfo).port
    self.url = `http://127.0.0.1:${state.port}/services/T0/B0/secret-part`
  }
  const self: SlackServer = {
    posts,
    requests: 0,
    url: '',
    channel: (name = 'slack', more = {}) => ({
      ...{ name, type: 'slack', severity: 'info', tenants: null, webhookUrl: self.url, ...more },
    }),
    fault: fault => {
      state.fault = fault
    },
    start,
    stop: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  await start()
  return self
}
