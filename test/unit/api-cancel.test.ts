// Cancelling a run over HTTP: who may, what they are told, and what is kept of it.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { subjectNamed } from '../../src/domain/subject.js'
import { openApi } from '../kit/api.js'

const subject = subjectNamed('acme')

/** A restore that goes on until it is cancelled; with `finishing`, one that cannot be any more. */
async function running(finishing = false) {
  const api = await openApi()
  const { runner, journal } = api.here.app
  const done = new AbortController()
  const ended = runner.run({ name: 'restore', subject, trigger: 'api' }, async ({ signal, finish }) => {
    if (finishing) finish('the databases change places')
    const over = sleep(600_000, undefined, { signal: AbortSignal.any([signal, done.signal]) })
    await over.catch(thrown => {
      if (!done.signal.aborted) throw thrown
    })
    return { outcome: 'succeeded' }
  })
  const id = journal.runs({ limit: 1 })[0]?.id as string
  const cancel = (as: string, body: object = {}) => api.ask('POST', `/v1/runs/${id}/cancel`, { as, body })
  return { ...api, id, ended, cancel, end: () => done.abort(), journal }
}

test('an operator of the tenant ends it, and is told of its end; again, it is the same', async () => {
  const { cancel, token, ended, id, journal } = await running()
  const maria = token('operator', ['acme'])
  for (const stranger of [token('viewer'), token('operator', ['globex'])]) {
    const refused = await cancel(stranger)
    expect([refused.status, refused.json().code]).toEqual([403, 'forbidden'])
  }
  expect(journal.run(id as never)?.outcome).toBe('running')
  const [first, second] = await Promise.all([
    cancel(maria, { reason: 'the wrong tenant', wait: true }),
    cancel(maria, { wait: true }),
  ])
  for (const { status, json } of [first, second, await cancel(maria)])
    expect([status, json()]).toMatchObject([200, { id, outcome: 'cancelled', error: { code: 'cancelled' } }])
  expect((await ended).failure?.message).toMatch(/^cancelled by operator acme \d+: the wrong tenant$/)
  const lines = journal.auditLines({ limit: 9 }).filter(line => line.action === 'run cancel')
  expect(lines.map(line => line.outcome).sort()).toEqual([
    'allowed',
    'allowed',
    'allowed',
    'refused',
    'refused',
  ])
  expect(lines).toContainEqual(
    expect.objectContaining({ target: subject, detail: `run ${id}: the wrong tenant` }),
  )
})

test('without waiting it is told to end, and the events tell the rest', async () => {
  const { cancel, token, ended, id } = await running()
  const { status, json } = await cancel(token('operator'))
  expect([status, json()]).toMatchObject([202, { id, outcome: 'running' }])
  expect((await ended).run.outcome).toBe('cancelled')
})

test('it may be too late: the databases change places, or it is over', async () => {
  const { cancel, token, ended, end, ask } = await running(true)
  const maria = token('operator')
  const late = await cancel(maria)
  expect([late.status, late.json()]).toMatchObject([
    409,
    { code: 'cancel-too-late', detail: expect.stringContaining('the databases change places') },
  ])
  end()
  expect((await ended).run.outcome).toBe('succeeded')
  expect((await cancel(maria)).json().code).toBe('cancel-too-late')
  const unknown = await ask('POST', '/v1/runs/000000000000/cancel', { as: maria, body: {} })
  expect([unknown.status, unknown.json().code]).toEqual([404, 'run-unknown'])
})
