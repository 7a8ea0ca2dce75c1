// The journal: runs close once, events only grow, dead processes' runs are told, and no secret gets in.
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import type { StoredEvent } from '../../src/domain/events.js'
import { newRunId } from '../../src/domain/ids.js'
import type { LiveEvent } from '../../src/domain/live-events.js'
import { redact, redactText } from '../../src/domain/redact.js'
import { MASTER } from '../../src/domain/subject.js'
import { JOURNAL_MIGRATIONS } from '../../src/jobs/journal-schema.js'
import { isAlive, ownIdentity } from '../../src/sys/process-identity.js'
import { openSqlite } from '../../src/sys/sqlite.js'
import { leaveNoPage, openState, tempFolder } from '../kit/state.js'

const about = { run: null, subject: null }

describe('runs', () => {
  test('start, end, and are told as events', () => {
    const { journal, clock } = openState()
    const due = new Date('2026-11-23T00:30:00Z')
    const run = journal.startRun({ job: 'backup-all', trigger: 'schedule', due })
    expect(journal.runs({ state: 'running' })).toEqual([run])
    clock.pass(90_000)
    const failure = new Failure('store-full', 'the bucket is full', { cause: new Error('507') })
    const closed = journal.finishRun(run.id, { outcome: 'failed', failure, facts: { subjects: 3 } })
    expect(closed).toMatchObject({
      outcome: 'failed',
      facts: { subjects: 3 },
      error: { code: 'store-full', causes: ['store-full: the bucket is full', '507'] },
    })
    expect(journal.run(run.id)).toEqual(closed)
    expect(journal.runsDue('backup-all', due)).toEqual([closed])
    expect(journal.lastRun('backup-all')).toEqual(closed)
    expect(journal.lastRun('backup-all', 'succeeded')).toBeNull()
    expect(journal.events({ run: run.id })).toMatchObject([
      { type: 'run-started', facts: { job: 'backup-all', due: '2026-11-23T00:30:00.000Z' } },
      {
        type: 'run-finished',
        facts: { outcome: 'failed', durationMs: 90_000, error: { code: 'store-full' } },
      },
    ])
  })

  test('close once, and only when they exist', () => {
    const { journal } = openState()
    const { id } = journal.startRun({ job: 'x', trigger: 'manual' })
    journal.finishRun(id, { outcome: 'succeeded' })
    expect(() => journal.finishRun(id, { outcome: 'failed' })).toThrow(/closed already/)
    expect(journal.run(id)?.outcome).toBe('succeeded')
    expect(journal.events()).toHaveLength(2)
    expect(() => journal.finishRun(newRunId(), { outcome: 'failed' })).toThrow(
      expect.objectContaining({ code: 'run-unknown' }),
    )
  })

  test('are found newest first, by job, subject and state', () => {
    const { journal, clock } = openState()
    const ids = ['a', 'b', 'a'].map(job => {
      clock.pass(1000)
      return journal.startRun({ job, subject: job === 'b' ? MASTER : null, trigger: 'manual' }).id
    })
    expect(journal.runs().map(run => run.id)).toEqual([...ids].reverse())
    expect(journal.runs({ limit: 1 }).map(run => run.id)).toEqual([ids[2]])
    expect(journal.runs({ job: 'a' }).map(run => run.id)).toEqual([ids[2], ids[0]])
    expect(journal.runs({ subject: MASTER }).map(run => run.id)).toEqual([ids[1]])
    expect(journal.runs({ state: 'partial' })).toEqual([])
  })

  test('of one subject alone are no run of the job as a whole: no schedule counts them', () => {
    const { journal } = openState()
    const due = new Date('2026-11-23T01:30:00Z')
    const whole = journal.startRun({ job: 'check', trigger: 'schedule', due })
    const part = journal.startRun({ job: 'check', subject: MASTER, trigger: 'manual', due })
    for (const { id } of [whole, part]) journal.finishRun(id, { outcome: 'succeeded' })
    expect(journal.lastRun('check')?.id).toBe(whole.id)
    expect(journal.lastRun('check', 'succeeded')?.id).toBe(whole.id)
    expect(journal.runsDue('check', due).map(run => run.id)).toEqual([whole.id])
  })

  test('of dead processes are closed as interrupted, and said; those of the living are not', () => {
    const { journal, db } = openState()
    const dead = journal.startRun({ job: 'dead', trigger: 'schedule' })
    const reused = journal.startRun({ job: 'reused', trigger: 'schedule' })
    const ours = journal.startRun({ job: 'ours', trigger: 'schedule' })
    db.prepare('update runs set pid = 4194303 where id = ?').run(dead.id)
    db.prepare(`update runs set process_start = 'another-boot:1' where id = ?`).run(reused.id)
    expect(journal.closeInterrupted(isAlive).map(run => run.job)).toEqual(['dead', 'reused'])
    expect(journal.run(ours.id)?.outcome).toBe('running')
    expect(journal.run(dead.id)).toMatchObject({ outcome: 'interrupted', error: { code: 'interrupted' } })
    expect(journal.events().filter(event => event.type === 'run-interrupted')).toHaveLength(2)
    expect(isAlive(ownIdentity())).toBe(true)
  })
})

describe('events', () => {
  test('are numbered without gaps, read on from any number, and never changed', () => {
    const { journal, db } = openState()
    for (let n = 0; n < 5; n++)
      journal.event({ type: 'daemon-started', ...about, facts: { version: `${n}`, pid: n } })
    expect(journal.events().map(event => event.seq)).toEqual([1, 2, 3, 4, 5])
    expect(journal.events({ afterSeq: 3, limit: 1 })).toMatchObject([{ seq: 4, facts: { pid: 3 } }])
    for (const sql of ['update events set facts = 1', 'delete from events'])
      expect(() => db.exec(sql)).toThrow(/append-only/)
  })

  test('go to listeners once stored; live ones are not stored; a listener that throws harms nobody', () => {
    const { journal, errors } = openState()
    const heard: (StoredEvent | LiveEvent)[] = []
    journal.subscribe(() => {
      throw new Error('broken listener')
    })
    const stop = journal.subscribe(event => heard.push(event))
    const stored = journal.event({ type: 'daemon-stopping', ...about, facts: { reason: 'test' } })
    const facts = { phase: 'dump', bytes: 1, of: null }
    journal.announce({ type: 'progress', ...about, facts })
    stop()
    journal.event({ type: 'daemon-stopping', ...about, facts: { reason: 'unheard' } })
    expect(heard).toMatchObject([stored, { type: 'progress' }])
    expect(journal.events()).toHaveLength(2)
    expect(errors).toHaveLength(3)
  })

  test('of another process are seen', () => {
    const one = openState()
    const other = openState(one.clock, one.folder)
    other.journal.event({ type: 'daemon-started', ...about, facts: { version: '1', pid: 2 } })
    expect(one.journal.events()).toHaveLength(1)
  })
})

test('the audit is kept, newest first', () => {
  const { journal, db } = openState()
  journal.audit({ who: 'cli root', action: 'restore', target: 'acme', outcome: 'allowed', detail: null })
  journal.audit({
    who: 'api',
    action: 'keys rotate',
    target: 'x',
    outcome: 'refused',
    detail: 'password=hunter2',
  })
  expect(journal.auditLines()).toMatchObject([
    { seq: 2, detail: 'password=[redacted]' },
    { seq: 1, who: 'cli root' },
  ])
  expect(() => db.exec('delete from audit')).toThrow(/append-only/)
})

describe('secrets', () => {
  const IDENTITY = 'AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX'

  test('never reach a row', () => {
    const { journal, db } = openState()
    const { id } = journal.startRun({ job: 'x', trigger: 'manual' })
    const cause = new Error(`connect postgres://gmah:hunter2@db/x failed, password='hunter2'`)
    journal.finishRun(id, {
      outcome: 'failed',
      failure: new Failure('key-wrong', `not ${IDENTITY}`, { cause }),
      facts: { secretAccessKey: 'hunter2', nested: { password: 'hunter2' } },
    })
    const said = 'the key of postgres://gmah:hunter2@db/x'
    journal.event({ type: 'playbook-notice', ...about, facts: { message: said } })
    const all = JSON.stringify([
      db.prepare('select * from runs').all(),
      db.prepare('select * from events').all(),
    ])
    expect(all).not.toContain('hunter2')
    expect(all).not.toContain('GFPYYSJZ')
    expect(all).toContain('postgres://gmah:[redacted]@db/x')
  })

  test('are cut out, and nothing else is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const text = JSON.stringify(value)
        fc.pre(!/password|passphrase|secret|token|identity|authorization|key|:\/\//i.test(text))
        expect(redact(value)).toEqual(value)
      }),
    )
    expect(redactText('age1ql3z7hjy54 is public')).toBe('age1ql3z7hjy54 is public')
    expect(redact({ identity: null, token: 0 })).toEqual({ identity: null, token: '[redacted]' })
  })
})

describe('the database file', () => {
  test('is ours alone, and so are its companions', () => {
    const { file, journal } = openState()
    journal.startRun({ job: 'x', trigger: 'manual' })
    for (const end of ['', '-wal', '-shm']) expect(statSync(file + end).mode & 0o777).toBe(0o600)
  })

  test('of a newer program is refused', () => {
    const { db, file } = openState()
    db.exec('PRAGMA user_version = 99')
    expect(() => openSqlite(file, JOURNAL_MIGRATIONS)).toThrow(
      expect.objectContaining({ code: 'format-unknown' }),
    )
  })

  test('that is full says so, and nothing half is written', () => {
    const { db, journal } = openState()
    const { id } = journal.startRun({ job: 'x', trigger: 'manual' })
    const before = journal.events().length
    leaveNoPage(db)
    const big = { filler: 'x'.repeat(1_000_000) }
    expect(() => journal.finishRun(id, { outcome: 'succeeded', facts: big })).toThrow(
      expect.objectContaining({ code: 'disk-full' }),
    )
    expect(journal.run(id)?.outcome).toBe('running')
    expect(journal.events()).toHaveLength(before)
  })

  test('that is damaged is named, with what to do; a migration that fails leaves it as it was', () => {
    const { db, file } = openState()
    expect(() => openSqlite(file, [...JOURNAL_MIGRATIONS, 'create table half (x); nonsense'])).toThrow(
      expect.objectContaining({ code: 'unexpected' }),
    )
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: JOURNAL_MIGRATIONS.length })
    expect(db.prepare("select * from sqlite_master where name = 'half'").all()).toEqual([])
    const damaged = join(tempFolder(), 'damaged.sqlite')
    writeFileSync(damaged, 'x'.repeat(8192))
    expect(() => openSqlite(damaged, JOURNAL_MIGRATIONS)).toThrow(
      expect.objectContaining({
        message: `${damaged} is damaged`,
        hint: expect.stringContaining('catalogue rebuild'),
      }),
    )
  })
})
