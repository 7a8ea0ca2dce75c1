// The rows of pg_database as each major sends them, since only one major runs beside the tests.
import { expect, test } from 'vitest'
import type { Session } from '../../src/postgres/connection.js'
import { readProperties } from '../../src/postgres/properties.js'

const base = { datname: 'd', datcollate: 'C', datctype: 'C', datconnlimit: -1 }

const read = (row: object) => {
  const answers = [
    [
      {
        row: { ...base, ...row },
        owner: 'o',
        encoding: 'UTF8',
        tablespace: 'pg_default',
        acl: null,
        comment: null,
      },
    ],
    [],
  ]
  const session = { query: async () => answers.shift() } as unknown as Session
  return readProperties(session, 'd')
}

test.each([
  ['14', {}, 'libc', null, null],
  ['15 with libc', { datlocprovider: 'c', daticulocale: null }, 'libc', null, null],
  ['15 with icu', { datlocprovider: 'i', daticulocale: 'fr' }, 'icu', 'fr', null],
  ['16 with rules', { datlocprovider: 'i', daticulocale: 'fr', daticurules: '&a<b' }, 'icu', 'fr', '&a<b'],
  ['17 with icu', { datlocprovider: 'i', datlocale: 'fr', daticurules: null }, 'icu', 'fr', null],
  [
    '17 builtin',
    { datlocprovider: 'b', datlocale: 'C.UTF-8', daticurules: null },
    'builtin',
    'C.UTF-8',
    null,
  ],
])('%s', async (_name, row, localeProvider, locale, icuRules) => {
  expect(await read(row)).toMatchObject({ localeProvider, locale, icuRules })
})
