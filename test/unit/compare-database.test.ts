// What a proof compares of the database itself.
import { expect, test } from 'vitest'
import type { DatabaseProperties } from '../../src/domain/manifest.js'
import { compareDatabases } from '../../src/verify/compare-database.js'

const ORIGINAL: DatabaseProperties = {
  name: 'gmah_org_a',
  owner: 'gmah_owner',
  encoding: 'UTF8',
  localeProvider: 'libc',
  collate: 'C.UTF-8',
  ctype: 'C.UTF-8',
  locale: null,
  icuRules: null,
  tablespace: 'fast',
  connectionLimit: 80,
  acl: ['=c/gmah_owner', 'gmah_app=Tc/gmah_owner'],
  comment: 'tenant a',
  settings: [
    { role: null, setting: 'search_path="$user",public' },
    { role: 'gmah_app', setting: 'work_mem=16MB' },
  ],
}
const named = (change: Partial<DatabaseProperties>, sameMajor = true) =>
  compareDatabases(ORIGINAL, { ...ORIGINAL, ...change }, sameMajor).map(one => one.name)

test('name, tablespace and the order and spelling of lists are no differences', () => {
  const settings = [
    { role: 'gmah_app', setting: 'work_mem=16MB' },
    { role: null, setting: 'search_path="$user", public' },
  ]
  const change = { name: 'copy', tablespace: 'pg_default', acl: (ORIGINAL.acl ?? []).toReversed(), settings }
  expect(named(change)).toEqual([])
})

test.each<[string, Partial<DatabaseProperties>]>([
  ['owner', { owner: 'postgres' }],
  ['encoding', { encoding: 'LATIN1' }],
  ['connection limit', { connectionLimit: -1 }],
  ['rights', { acl: ['=c/gmah_owner'] }],
  ['rights', { acl: null }],
  ['comment', { comment: null }],
  ['settings', { settings: ORIGINAL.settings.slice(1) }],
  ['settings', { settings: ORIGINAL.settings.map(one => ({ ...one, role: null })) }],
  ['locale', { collate: 'de_DE.UTF-8' }],
  ['locale', { localeProvider: 'icu', locale: 'de' }],
])('%s', (name, change) => {
  expect(named(change)).toEqual([name])
})

test('locales are not compared across majors, all else is', () => {
  expect(named({ collate: 'C', comment: 'x' }, false)).toEqual(['comment'])
})
