// The globals dump of a real server, with and without the right to read passwords, and roles made from it on another.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withSession } from '../../src/postgres/connection.js'
import { explainGlobalsEnd, parseGlobals, startGlobalsDump } from '../../src/postgres/globals.js'
import { createRoles, missingRoles } from '../../src/postgres/roles.js'
import type { PostgresTarget } from '../../src/postgres/target.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { tool } from '../kit/dumping.js'

let source: Cluster
let target: Cluster
const SECRET = 'pass;word\\ \'"'

beforeAll(async () => {
  ;[source, target] = await Promise.all([startCluster(), startCluster()])
  await source.sql(
    'postgres',
    `CREATE ROLE "The ""App""; it's" LOGIN CONNECTION LIMIT 12 PASSWORD '${SECRET.replaceAll("'", "''")}' VALID UNTIL '2031-01-01';
     CREATE ROLE "group" NOLOGIN CREATEDB; CREATE ROLE "group's group"; CREATE ROLE bystander; CREATE ROLE plain LOGIN;
     GRANT "group" TO "The ""App""; it's" WITH ADMIN OPTION; GRANT "group's group" TO "group";
     COMMENT ON ROLE "group" IS 'one; two ''three'' \\ four';
     ALTER ROLE "The ""App""; it's" SET search_path = "$user", 'odd ;"name';
     ALTER ROLE "group" SET work_mem = '7MB'`,
  )
})
afterAll(() => Promise.all([source.stop(), target.stop()]))

async function globals(from: PostgresTarget): Promise<{ script: string; passwords: boolean }> {
  const { child, passwords } = await startGlobalsDump({ target: from, tool: await tool('pg_dumpall') })
  let script = ''
  for await (const part of child.stdout) script += part
  expect(await child.result).toMatchObject({ exitCode: 0, stderr: '' })
  return { script, passwords }
}

test('equal roles give equal bytes, passwords where they may be read', async () => {
  const { script, passwords } = await globals(source.target)
  expect(passwords).toBe(true)
  expect(script).toContain('SCRAM-SHA-256$')
  expect((await globals(source.target)).script).toBe(script)
  const poor = await globals(source.as('plain'))
  expect(poor.passwords).toBe(false)
  expect(poor.script).not.toContain('SCRAM-SHA-256$')
  expect([...parseGlobals(poor.script).keys()]).toEqual([...parseGlobals(script).keys()])
})

test('the asked roles come back with their groups, and no others', async () => {
  const { script } = await globals(source.target)
  const app = `The "App"; it's`
  await withSession(target.target, 'postgres', {}, async session => {
    expect(await missingRoles(session, [app, 'postgres', app])).toEqual([app])
    expect((await createRoles(session, script, [app])).sort()).toEqual([app, 'group', "group's group"].sort())
    expect(await createRoles(session, script, [app])).toEqual([])
    expect(await missingRoles(session, [app, 'group', 'bystander'])).toEqual(['bystander'])
  })
  const facts = `
    SELECT rolname, rolsuper, rolcanlogin, rolcreatedb, rolconnlimit, rolpassword, rolvaliduntil::text,
      shobj_description(a.oid, 'pg_authid') AS comment, s.setconfig,
      ARRAY(SELECT roleid::regrole::text || admin_option FROM pg_auth_members m WHERE m.member = a.oid ORDER BY 1) AS groups
    FROM pg_authid a LEFT JOIN pg_db_role_setting s ON s.setrole = a.oid
    WHERE rolname ~ '^(The|group)' ORDER BY 1`
  expect(await target.sql('postgres', facts)).toEqual(await source.sql('postgres', facts))
})

test('a role that exists is left alone', async () => {
  const { script } = await globals(source.target)
  await target.sql('postgres', 'CREATE ROLE plain NOLOGIN')
  await withSession(target.target, 'postgres', {}, session => createRoles(session, script, ['plain']))
  expect(await target.sql('postgres', `SELECT rolcanlogin FROM pg_roles WHERE rolname = 'plain'`)).toEqual([
    { rolcanlogin: false },
  ])
})

test('all or none: an unknown role, or a statement that fails, makes nothing', async () => {
  await withSession(target.target, 'postgres', {}, async session => {
    const script = 'CREATE ROLE first; CREATE ROLE second; ALTER ROLE second SET no_such_setting TO 1;'
    await expect(createRoles(session, script, ['first', 'third'])).rejects.toMatchObject({
      code: 'roles-missing',
      facts: { roles: ['third'] },
    })
    await expect(createRoles(session, script, ['first', 'second'])).rejects.toMatchObject({
      code: 'postgres-failed',
    })
    expect(await missingRoles(session, ['first', 'second'])).toEqual(['first', 'second'])
    expect(await createRoles(session, script, ['first'])).toEqual(['first'])
  })
})

test('a failure has a name', () => {
  const result = {
    exitCode: 1,
    endedBy: null,
    stderr: 'pg_dumpall: error: query failed: ERROR:  permission denied for x',
  }
  expect(explainGlobalsEnd(result)).toMatchObject({ code: 'privileges-missing' })
  expect(explainGlobalsEnd({ ...result, stderr: '' })).toMatchObject({ code: 'dump-failed' })
})
