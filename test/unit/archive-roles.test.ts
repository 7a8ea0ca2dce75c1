// Which roles a definition names, in the shapes that pg_dump writes and in those made to mislead.
import { describe, expect, it } from 'vitest'
import { rolesNamed } from '../../src/postgres/archive/roles.js'
import { statements } from '../../src/postgres/archive/sql.js'

const CASES: [type: string, definition: string, roles: string[]][] = [
  ['ACL', 'GRANT SELECT ON TABLE public.t TO reader;\n', ['reader']],
  ['ACL', 'GRANT ALL ON TABLE t TO a WITH GRANT OPTION;\nGRANT ALL ON TABLE t TO PUBLIC;\n', ['a']],
  [
    'ACL',
    'REVOKE ALL ON TABLE t FROM app;\nREVOKE GRANT OPTION FOR SELECT ON TABLE t FROM b;\n',
    ['app', 'b'],
  ],
  [
    'ACL',
    'SET SESSION AUTHORIZATION "G g";\nGRANT SELECT ON TABLE t TO r;\nRESET SESSION AUTHORIZATION;\n',
    ['G g', 'r'],
  ],
  ['ACL', 'GRANT SELECT("a TO b"),UPDATE(c) ON TABLE t TO r, "s,t" GRANTED BY g;', ['r', 's,t', 'g']],
  ['ACL', 'GRANT ALL ON FUNCTION "f TO x"(a integer, "to" text) TO "q""q", é_1$;', ['q"q', 'é_1$']],
  ['ACL', 'GRANT ALL ON SCHEMA "s; GRANT ALL ON x TO nobody" TO "to";', ['to']],
  ['ACL', 'GRANT ALL ON LARGE OBJECT 70003 TO reader;', ['reader']],
  [
    'DEFAULT ACL',
    'ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA p GRANT SELECT ON TABLES TO r;',
    ['app', 'r'],
  ],
  ['DEFAULT ACL', 'ALTER DEFAULT PRIVILEGES FOR ROLE "A b" REVOKE ALL ON FUNCTIONS FROM PUBLIC;', ['A b']],
  ['POLICY', `CREATE POLICY "to x" ON t FOR SELECT TO a, "B" USING ((n = 'x TO y') AND f(z));`, ['a', 'B']],
  ['POLICY', 'CREATE POLICY p ON t USING ((EXISTS ( SELECT 1 FROM u))) WITH CHECK (true);', []],
  ['POLICY', "CREATE POLICY p ON t USING ((span > ('1'::interval)::interval year to month));", []],
  ['USER MAPPING', "CREATE USER MAPPING FOR mapped SERVER s OPTIONS (\n    password 'FOR x'\n);", ['mapped']],
  ['USER MAPPING', 'CREATE USER MAPPING FOR PUBLIC SERVER s;', []],
  [
    'DATABASE PROPERTIES',
    "ALTER DATABASE d SET x TO 'y';\nALTER ROLE \"R\" IN DATABASE d SET x TO 'y';",
    ['R'],
  ],
  ['TABLE', 'CREATE TABLE t ();\nGRANT ALL ON t TO nobody;', []],
  ['COMMENT', "COMMENT ON TABLE t IS 'GRANT ALL ON t TO nobody;';", []],
]

describe('the roles named', () => {
  it.each(CASES)('by %s: %s', (type, definition, roles) => {
    expect(rolesNamed(type, () => definition)).toEqual(roles)
  })
})

describe('the words of SQL', () => {
  const texts = (sql: string) => statements(sql).map(words => words.map(word => word.text))

  it('end a statement only outside of quotes and comments', () => {
    expect(texts(`a ';' ";" E'\\';' $$;$$ $t$;$;$t$ -- ;\n /* ; */ b; c`)).toEqual([
      ['a', `';'`, ';', `E'\\';'`, '$$;$$', '$t$;$;$t$', 'b'],
      ['c'],
    ])
  })

  it('come to an end whatever is left open', () => {
    expect(texts(`a '; $x$ "`)).toEqual([
      ['a', `'`],
      ['$', 'x$', '"'],
    ])
  })
})
