// Access list entries and settings as PostgreSQL writes them.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aclStatements, parseAclItem } from '../../src/postgres/acl.js'
import { setClause, splitList } from '../../src/postgres/settings.js'

test.each([
  [
    'app=Tc/owner',
    {
      grantee: 'app',
      grantor: 'owner',
      privileges: [
        ['TEMPORARY', false],
        ['CONNECT', false],
      ],
    },
  ],
  ['=c/owner', { grantee: null, grantor: 'owner', privileges: [['CONNECT', false]] }],
  [
    '"the ""app"""=C*c/"o=w/n"',
    {
      grantee: 'the "app"',
      grantor: 'o=w/n',
      privileges: [
        ['CREATE', true],
        ['CONNECT', false],
      ],
    },
  ],
  ['Łódź=/postgres', { grantee: 'Łódź', grantor: 'postgres', privileges: [] }],
])('%s', (item, expected) => {
  const grant = parseAclItem(item)
  expect({ ...grant, privileges: grant.privileges.map(one => [one.name, one.grantable]) }).toEqual(expected)
})

test.each(['', 'app', 'app=c', 'app=c/', 'app=r/owner', '"app=c/owner', 'a=c/b=c/d'])(
  '%j is refused',
  item => {
    expect(() => parseAclItem(item)).toThrow(expect.objectContaining({ code: 'manifest-invalid' }))
  },
)

test('law: a role name survives the quoting of aclitem', () => {
  const name = fc.string({ minLength: 1 }).filter(text => !text.includes('\0'))
  fc.assert(
    fc.property(name, name, (grantee, grantor) => {
      const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
      expect(parseAclItem(`${quote(grantee)}=c/${quote(grantor)}`)).toMatchObject({ grantee, grantor })
    }),
  )
})

test('two defaults need no statement', () => {
  expect(aclStatements('d', 'o', null, null)).toEqual([])
})

test.each([
  ['work_mem=9MB', `SET "work_mem" TO '9MB'`],
  ['search_path="$user", public', `SET "search_path" TO '$user', 'public'`],
  ['search_path="a ""b"", c",d', `SET "search_path" TO 'a "b", c', 'd'`],
  ['search_path=""', `SET "search_path" TO ''`],
  ['datestyle=ISO, DMY', `SET "datestyle" TO 'ISO, DMY'`],
  ['app.secret=a=b', `SET "app"."secret" TO 'a=b'`],
  [`app.quote=it's`, `SET "app"."quote" TO 'it''s'`],
  ['application_name=', `SET "application_name" TO ''`],
])('%s', (setting, clause) => {
  expect(setClause(setting)).toBe(clause)
})

test('law: a list of names survives its quoting', () => {
  const name = fc.string({ minLength: 1 })
  fc.assert(
    fc.property(fc.array(name, { minLength: 1 }), names => {
      expect(splitList(names.map(one => `"${one.replaceAll('"', '""')}"`).join(', '))).toEqual(names)
    }),
  )
})
