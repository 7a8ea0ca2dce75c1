// Assertions as operators write them, inline and in files.
import { describe, expect, test } from 'vitest'
import { assertionsFor, parseAssertionFile } from '../../src/domain/assertion.js'
import { MASTER, type SubjectId } from '../../src/domain/subject.js'

const ACME = 'tenants/acme' as SubjectId

test('a file is comment lines with its conditions, then one query', () => {
  const text =
    '-- Everyone has orders.\n-- tenant: acme\n-- tenant: Łódź & "Co"\n-- at_least: 1\nselect 1\nfrom orders;\n'
  expect(parseAssertionFile('orders', text)).toEqual({
    name: 'orders',
    sql: 'select 1\nfrom orders',
    tenants: ['acme', 'Łódź & "Co"'],
    rows: { atLeast: 1, atMost: Number.MAX_SAFE_INTEGER },
  })
  expect(parseAssertionFile('plain', 'select true')).toMatchObject({ tenants: null, rows: null })
})

describe('what is none is refused:', () => {
  test.each([
    ['no query', '-- tenant: acme\n'],
    ['a bound that is no number', '-- at_least: many\nselect 1'],
    ['bounds the wrong way round', '-- at_least: 3\n-- at_most: 2\nselect 1'],
  ])('%s', (_what, text) => {
    expect(() => parseAssertionFile('x', text)).toThrow(expect.objectContaining({ code: 'config-invalid' }))
  })
})

test('one without tenants is asked of every tenant and of no platform database', () => {
  const all = parseAssertionFile('all', 'select true')
  const master = parseAssertionFile('master', '-- tenant: platform/master\nselect true')
  const other = parseAssertionFile('other', '-- tenant: globex\nselect true')
  const asked = (subject: SubjectId) => assertionsFor([all, master, other], subject).map(one => one.name)
  expect(asked(ACME)).toEqual(['all'])
  expect(asked(MASTER)).toEqual(['master'])
})
