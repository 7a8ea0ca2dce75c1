// The comparison of the platform's list with the server's, as pure arithmetic.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareLists } from '../../src/postgres/drift.js'

const databases = {
  present: new Set(['a', 'b', 'c', 'other']),
  tenants: new Set(['a', 'b', 'c']),
  skipped: new Map([['other', 'refuses connections']]),
}
const row = (tenant: string, database: string, status: string | null = 'active') => ({
  tenant,
  database,
  status,
})

test('agreement is silence', () => {
  expect(compareLists([row('1', 'a'), row('2', 'b'), row('3', 'c', null)], databases, ['deleted'])).toEqual(
    [],
  )
})

test('each disagreement has its name', () => {
  const rows = [
    row('1', 'a', 'deleted'),
    row('2', 'gone'),
    row('3', 'long gone', 'deleted'),
    row('4', 'other'),
    row('5', ''),
    row('6', 'other', 'deleted'),
  ]
  expect(compareLists(rows, databases, ['deleted'])).toEqual([
    { kind: 'inactive-tenant-with-database', tenant: '1', database: 'a', status: 'deleted' },
    { kind: 'tenant-without-database', tenant: '2', database: 'gone' },
    { kind: 'tenant-not-covered', tenant: '4', database: 'other', reason: 'refuses connections' },
    { kind: 'tenant-without-database', tenant: '5', database: '' },
    { kind: 'database-without-tenant', database: 'b' },
    { kind: 'database-without-tenant', database: 'c' },
  ])
})

test('law: every tenant database without a row, and every living row without a covered database, is told', () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1 }))
  fc.assert(
    fc.property(names, names, (present, listed) => {
      const all = { present: new Set(present), tenants: new Set(present), skipped: new Map() }
      const drift = compareLists(
        listed.map(name => row(name, name)),
        all,
        [],
      )
      const told = drift.map(one => ('database' in one ? one.database : ''))
      const difference = [
        ...present.filter(name => !listed.includes(name)),
        ...listed.filter(name => !present.includes(name)),
      ]
      expect(told.sort()).toEqual(difference.sort())
    }),
  )
})
