// The time by the store's own clock, heard in its answers and in its refusals: a wrong clock is told before it is fatal.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { watchStore } from '../../src/api/store-health.js'
import { s3Store } from '../../src/store/s3.js'
import { fakeClock } from '../kit/fake-clock.js'

test('each answer tells it, a refusal for a clock that is wrong too', async () => {
  const said = { status: 200, date: 'Mon, 23 Nov 2026 12:00:30 GMT' }
  const server = createServer((_request, response) => {
    const { status, date } = said
    const body = '<Error><Code>RequestTimeTooSkewed</Code><Message>x</Message></Error>'
    const headers = {
      date,
      etag: '"e"',
      'last-modified': date,
      'content-length': status === 200 ? 5 : body.length,
    }
    response.writeHead(status, headers).end(status === 200 ? 'hello' : body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const watch = watchStore(fakeClock('2026-11-23T12:00:00Z'))
  expect(watch.aheadMs()).toBe(null)
  const store = s3Store({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ bucket: 'b', accessKeyId: 'a', secretAccessKey: 's' },
    onServerTime: watch.hearTime,
  })
  const key = 'tenants/acme/backups/key.age'
  expect(Buffer.from((await store.get(key)).body).toString()).toBe('hello')
  expect(watch.aheadMs()).toBe(30_000)
  Object.assign(said, { status: 403, date: 'Mon, 23 Nov 2026 11:40:00 GMT' })
  await expect(store.get(key)).rejects.toMatchObject({ hint: expect.stringContaining('clock') })
  expect(watch.aheadMs()).toBe(-20 * 60_000)
  Object.assign(said, { date: 'no date' })
  await expect(store.get(key)).rejects.toThrow()
  expect(watch.aheadMs()).toBe(-20 * 60_000)
})
