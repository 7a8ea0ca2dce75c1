// A report that crosses from one process to another comes out as it went in: whatever is in it, and without secrets.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { causes, Failure } from '../../src/domain/errors.js'
import { reportOf, reportText } from '../../src/jobs/kept-report.js'

const names = fc.string({ maxLength: 8 }).filter(name => !name.startsWith('$') && name !== '__proto__')
const plain = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.integer(),
    fc.constantFrom('acme', '', 'Söhne "&" O\'Reilly', '$date'),
    fc.date({ noInvalidDate: true }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(names, tie('value'), { maxKeys: 4 }),
    fc.array(fc.tuple(names, tie('value')), { maxLength: 4 }).map(entries => new Map(entries)),
  ),
})).value

test('plain data, dates and maps come back', () => {
  fc.assert(
    fc.property(plain, value => {
      expect(reportOf(reportText({ value }))).toEqual({ value })
    }),
  )
})

test('a failure comes back as one, with its causes as text', () => {
  const failure = new Failure('disk-full', 'no space', { hint: 'free some', cause: new Error('ENOSPC') })
  const { failed } = reportOf(reportText({ failed: [{ subject: 'tenants/acme', failure }] })) as {
    failed: [{ failure: Failure }]
  }
  const came = failed[0].failure
  expect(came).toBeInstanceOf(Failure)
  expect([came.code, came.message, came.hint, causes(came)]).toEqual([
    'disk-full',
    'no space',
    'free some',
    causes(failure),
  ])
})

test('secrets stay behind', () => {
  const text = reportText({ why: 'postgres://me:hunter2@host/db', password: 'hunter2' })
  expect(text).not.toContain('hunter2')
})
