// The cutting of scripts into statements, and what a globals script says of roles.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseGlobals } from '../../src/postgres/globals.js'
import { splitStatements } from '../../src/postgres/sql-statements.js'
import { quoteIdentifier, quoteLiteral } from '../../src/postgres/target.js'

const texts = (script: string) => splitStatements(script).map(statement => statement.text)

test.each([
  ['', []],
  [' ;; \n; ', []],
  ['SELECT 1; SELECT 2', ['SELECT 1', 'SELECT 2']],
  [`SELECT ';''--'; x`, [`SELECT ';''--'`, 'x']],
  [`SELECT E'\\';' ; x`, [`SELECT E'\\';'`, 'x']],
  [`SELECT '\\'; x`, [`SELECT '\\'`, 'x']],
  ['ALTER ROLE "a;""b" SET x TO y;', ['ALTER ROLE "a;""b" SET x TO y']],
  ['DO $$ a; $b$ ; $$; x', ['DO $$ a; $b$ ; $$', 'x']],
  ['DO $b$ ; $$ ; $b$; x', ['DO $b$ ; $$ ; $b$', 'x']],
  ['-- a; b\nx; /* ; /* ; */ ; */ y', ['x', 'y']],
  ['\\restrict a;b\nx;\n\\connect "c;d"\ny', ['x', 'y']],
  ['CONNECTION LIMIT 10 -1', ['CONNECTION LIMIT 10 -1']],
])('%j', (script, expected) => {
  expect(texts(script)).toEqual(expected)
})

test('law: statements that are joined come apart again, whatever their quotes hold', () => {
  const text = fc.string().filter(one => !one.includes('\0'))
  const statement = fc.oneof(
    text.map(one => `COMMENT ON ROLE x IS ${quoteLiteral(one).trim()}`),
    text.map(one => `ALTER ROLE ${quoteIdentifier(one)} SET a TO b`),
  )
  fc.assert(
    fc.property(fc.array(statement), statements => {
      expect(texts(statements.join(';\n'))).toEqual(statements)
    }),
  )
})

test('a globals script by role', () => {
  const roles = parseGlobals(`
    \\restrict gmah
    SET standard_conforming_strings = on;
    CREATE ROLE "The ""App""";
    ALTER ROLE "The ""App""" WITH NOSUPERUSER LOGIN CONNECTION LIMIT 12 PASSWORD 'SCRAM-SHA-256$4096:a;b==';
    CREATE ROLE groups;
    COMMENT ON ROLE groups IS 'all; of them';
    ALTER ROLE groups SET search_path TO 'a', 'b';
    GRANT groups TO "The ""App""" WITH ADMIN OPTION GRANTED BY postgres;
    CREATE TABLESPACE fast OWNER groups LOCATION '/x';
    GRANT ALL ON TABLESPACE fast TO groups;
    GRANT SET ON PARAMETER work_mem TO groups;`)
  expect([...roles.values()]).toEqual([
    {
      name: 'The "App"',
      statements: [
        'CREATE ROLE "The ""App"""',
        `ALTER ROLE "The ""App""" WITH NOSUPERUSER LOGIN CONNECTION LIMIT 12 PASSWORD 'SCRAM-SHA-256$4096:a;b=='`,
      ],
      memberships: [{ of: 'groups', statement: 'GRANT groups TO "The ""App""" WITH ADMIN OPTION' }],
    },
    {
      name: 'groups',
      statements: [
        'CREATE ROLE groups',
        `COMMENT ON ROLE groups IS 'all; of them'`,
        `ALTER ROLE groups SET search_path TO 'a', 'b'`,
      ],
      memberships: [],
    },
  ])
})
