// The proxy that faults are told to: what a client that dies leaves with it.
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../kit/clock.js'
import { faultyHttp } from '../kit/faulty-http.js'

test('a client that dies in the middle of its body leaves nothing under way, and nothing was asked of the server', async () => {
  const asked: string[] = []
  const behind = createServer((incoming, outgoing) => {
    asked.push(incoming.url ?? '')
    incoming.resume().on('end', () => outgoing.end())
  })
  await new Promise<void>(resolve => behind.listen(0, '127.0.0.1', resolve))
  const proxy = await faultyHttp(`http://127.0.0.1:${(behind.address() as AddressInfo).port}`)
  onTestFinished(async () => {
    await proxy.stop()
    behind.closeAllConnections()
    behind.close()
  })
  const client = connect(Number(new URL(proxy.endpoint).port), '127.0.0.1')
  client.on('error', () => {})
  client.write('PUT /part HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nthe beginning')
  await until(() => proxy.underWay() === 1)
  client.destroy()
  await until(() => proxy.underWay() === 0)
  expect([asked, proxy.requests.map(one => one.url)]).toEqual([[], ['/part']])
  const { status } = await fetch(`${proxy.endpoint}/whole`, { method: 'PUT', body: 'all of it' })
  expect([status, asked, proxy.underWay()]).toEqual([200, ['/whole'], 0])
})
