// The audit's chain: what anybody changes in it shows.
import { describe, expect, test } from 'vitest'
import { verifyAudit } from '../../src/jobs/audit.js'
import { openState } from '../kit/state.js'

function chainOf(lines: number) {
  const state = openState()
  for (let n = 1; n <= lines; n++)
    state.journal.audit({
      who: 'maria',
      action: 'backup',
      target: `tenant ${n}`,
      outcome: 'allowed',
      detail: null,
    })
  return state
}

/** What only someone with the file and without scruples does. */
const forge = ({ db }: ReturnType<typeof openState>, sql: string) =>
  db.exec(`drop trigger if exists audit_stays; drop trigger if exists audit_remains; ${sql}`)

test('an unbroken chain says how long it is and where it stands', () => {
  const { db, journal } = chainOf(3)
  const verdict = verifyAudit(db)
  expect(verdict).toEqual({ lines: 3, head: journal.auditLines()[0]?.hash })
  expect(verifyAudit(chainOf(0).db)).toEqual({ lines: 0, head: null })
})

test('a line names the run it started, and how that ended since; the chain does not hang on the end', () => {
  const { db, journal } = chainOf(1)
  const { id: run } = journal.startRun({ job: 'restore', trigger: 'api' })
  journal.audit({ who: 'x', action: 'restore', target: 'z', outcome: 'allowed', detail: null, run })
  const line = () => journal.auditLines()[0]
  expect(line()).toMatchObject({ outcome: 'allowed', run, ended: 'running' })
  const { head } = verifyAudit(db)
  journal.finishRun(run, { outcome: 'failed' })
  expect(line()).toMatchObject({ outcome: 'allowed', run, ended: 'failed' })
  expect(journal.auditLines()[1]).toMatchObject({ run: null, ended: null })
  expect(verifyAudit(db)).toEqual({ lines: 2, head })
})

test('two processes write one chain', () => {
  const one = chainOf(1)
  const other = openState(one.clock, one.folder)
  for (const { journal } of [other, one, other])
    journal.audit({ who: 'x', action: 'y', target: 'z', outcome: 'failed', detail: null })
  expect(verifyAudit(one.db)).toMatchObject({ lines: 4 })
})

describe('it shows when', () => {
  test.each([
    ['a line is changed', "update audit set who = 'nobody' where seq = 2", /line 2/],
    ['an outcome is changed', "update audit set outcome = 'refused' where seq = 3", /line 3/],
    ['a line is dropped', 'delete from audit where seq = 2', /2 to 2 of the audit are gone/],
    ['the first lines are dropped', 'delete from audit where seq < 3', /1 to 2 of the audit are gone/],
    ['a run is put in', "update audit set run = 'other' where seq = 2", /line 2/],
    ['a hash is taken away', 'update audit set hash = null where seq = 2', /line 2/],
  ])('%s', (_, sql, message) => {
    const state = chainOf(4)
    forge(state, sql)
    expect(() => verifyAudit(state.db)).toThrow(message)
  })

  test('the last lines are dropped, to who noted the head', () => {
    const state = chainOf(4)
    const { head } = verifyAudit(state.db)
    forge(state, 'delete from audit where seq = 4')
    expect(verifyAudit(state.db).lines).toBe(3)
    expect(() => verifyAudit(state.db, head ?? '')).toThrow(/no line of the audit has the hash/)
  })
})
