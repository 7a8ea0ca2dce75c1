// Which archives go and what is done about half uploads: ten years, a legal hold, a lock, a failure, a killed run.
import { expect, it } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { subjectNamed } from '../../src/domain/subject.js'
import type { JobContext, Parts } from '../../src/jobs/parts.js'
import { pruneArchives } from '../../src/jobs/prune-archives.js'
import { sweepUploads } from '../../src/jobs/sweep-uploads.js'
import { listArchives } from '../../src/repository/archive-list.js'
import { archiveIndexKey, archiveKey } from '../../src/store/keys.js'
import type { OpenUpload, Store } from '../../src/store/port.js'
import { fakeClock } from '../kit/fake-clock.js'
import { faultyStore } from '../kit/faulty-store.js'
import { memoryStore } from '../kit/memory-store.js'
import { never } from '../kit/repository.js'
import { openState } from '../kit/state.js'

const ACME = subjectNamed('acme')
const NOW = '2036-12-15T00:00:00Z'

async function stored(names: readonly string[], without: readonly string[] = []) {
  const store = memoryStore()
  for (const name of names) {
    await store.put(archiveKey(ACME, name as never), Buffer.from(name))
    if (!without.includes(name)) await store.put(archiveIndexKey(ACME, name as never), Buffer.from('index'))
  }
  for (const [key, kept] of store.objects)
    kept.modifiedAt = new Date(`${/(\d{4}-\d\d)/.exec(key)?.[1]}-01T05:00:00Z`)
  return store
}

function context(state: ReturnType<typeof openState>): JobContext {
  const run = state.journal.startRun({ job: 'archive-tenants', trigger: 'manual' }).id
  const emit = (event: { subject?: unknown }) =>
    state.journal.event({ run, subject: null, ...event } as never)
  return { run, signal: never, emit: emit as JobContext['emit'] }
}

async function pruned(store: Store, more: { hold?: string[]; failure?: Failure } = {}) {
  const state = openState(fakeClock(NOW))
  const config = { archives: { keepYears: 10, legalHold: more.hold ?? [] } }
  const parts = { config, clock: state.clock, repository: { store } } as unknown as Parts
  await pruneArchives(parts, ACME, { zone: 'Europe/Paris', failure: more.failure ?? null }, context(state))
  const left = (await listArchives(store, ACME)).map(one => one.name)
  return { left, events: state.journal.events().filter(one => one.type.startsWith('archive-')) }
}

const NAMES = ['2036-12', '2030-01', '2026-12-2', '2026-12', '2026-11', '2020-01']

it('what is older than ten years goes, and says why', async () => {
  const { left, events } = await pruned(await stored(NAMES))
  expect(left).toEqual(['2036-12', '2030-01'])
  expect(events.map(one => one.type)).toEqual(Array(4).fill('archive-removed'))
  expect(events[0]).toMatchObject({ facts: { why: expect.stringContaining('older than') } })
})

it('the newest one stays however old it is', async () => {
  expect((await pruned(await stored(['2020-01', '2019-12']))).left).toEqual(['2020-01'])
})

it('nothing goes of a tenant under a legal hold, of one whose archive failed, and nothing that was never read back', async () => {
  expect((await pruned(await stored(NAMES), { hold: ['acme'] })).left).toHaveLength(NAMES.length)
  const failure = new Failure('store-denied', 'no')
  expect((await pruned(await stored(NAMES), { failure })).left).toHaveLength(NAMES.length)
  expect((await pruned(await stored(NAMES, ['2020-01']))).left).toEqual(['2036-12', '2030-01', '2020-01'])
})

it('a bucket lock is told, and the others go', async () => {
  const store = faultyStore(await stored(NAMES), [
    { on: 'delete', key: /2026-11\.json/, times: Infinity, effect: { fail: 'store-locked' } },
  ])
  const { left, events } = await pruned(store)
  expect(left).toEqual(['2036-12', '2030-01', '2026-11'])
  expect(events.filter(one => one.type === 'archive-kept')).toMatchObject([{ facts: { archive: '2026-11' } }])
})

it.each([true, false])('half uploads are aborted, once; the store lists them: %s', async lists => {
  const state = openState()
  const aborted: OpenUpload[] = []
  const listed = { key: `${ACME}/archives/2026-12.tar.zst.age`, id: 'listed' }
  const store: Store = {
    ...memoryStore(),
    uploads: async function* () {
      if (!lists) throw new Failure('store-refused', 'not implemented')
      yield listed
    },
    abortUpload: async upload => void aborted.push(upload),
  }
  const parts = { repository: { store }, journal: state.journal } as unknown as Parts
  const run = context(state)
  const key = 'tenants/acme/archives/2026-11.tar.zst.age'
  const started = (upload: string, subject = ACME) =>
    run.emit({ type: 'upload-started', subject, facts: { key, upload } })
  started('ended')
  run.emit({ type: 'upload-ended', subject: ACME, facts: { key, upload: 'ended', outcome: 'completed' } })
  started('killed')
  started('of another', subjectNamed('globex'))
  await sweepUploads(parts, ACME, run)
  expect(aborted.map(one => one.id).sort()).toEqual(lists ? ['killed', 'listed'] : ['killed'])
  aborted.length = 0
  await sweepUploads(parts, ACME, run)
  expect(aborted.map(one => one.id)).toEqual(lists ? ['listed'] : [])
})
