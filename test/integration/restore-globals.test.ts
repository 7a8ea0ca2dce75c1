// Roles come back from the globals backup: the missing ones are created, the others named and left as they are.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Scene, setScene } from '../kit/disaster.js'

let scene: Scene
beforeAll(async () => {
  scene = await setScene(['a'], { rows: 10 })
  await scene.cluster.sql(
    'postgres',
    `CREATE ROLE boss; CREATE ROLE clerk LOGIN PASSWORD 'tres secret' IN ROLE boss; CREATE ROLE guest; ALTER ROLE guest SET work_mem = '5MB'`,
  )
  expect(await scene.here.night()).toMatchObject({ failure: null })
  await scene.cluster.sql(
    'postgres',
    'DROP ROLE clerk; DROP ROLE boss; ALTER ROLE guest RESET ALL; CREATE ROLE late',
  )
})
afterAll(() => scene.end())

const roles = () =>
  scene.cluster.sql(
    'postgres',
    `SELECT rolname::text AS name, rolcanlogin AS login, rolconfig AS config FROM pg_roles WHERE rolname IN ('boss', 'clerk', 'guest', 'late') ORDER BY 1`,
  )

test('--plan compares and changes nothing', async () => {
  const before = await roles()
  const { exitCode, stdout } = await scene.here.cli('restore', 'platform/globals', '--plan')
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining('2 roles would be created: boss, clerk')])
  expect(stdout).toContain('though they differ: guest')
  expect(stdout).toContain('not in the backup: late')
  expect(stdout).not.toMatch(/secret|SCRAM/)
  expect(await roles()).toEqual(before)
})

test('the missing are created with password and memberships, once', async () => {
  const { here, cluster } = scene
  const { exitCode, stdout } = await here.cli('--json', 'restore', 'platform/globals')
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    missing: ['boss', 'clerk'],
    different: ['guest'],
    onlyHere: ['late'],
  })
  expect(await roles()).toEqual([
    { name: 'boss', login: false, config: null },
    { name: 'clerk', login: true, config: null },
    { name: 'guest', login: false, config: null },
    { name: 'late', login: false, config: null },
  ])
  const facts = `SELECT pg_has_role('clerk', 'boss', 'MEMBER') AS member, rolpassword LIKE 'SCRAM%' AS password FROM pg_authid WHERE rolname = 'clerk'`
  expect(await cluster.sql('postgres', facts)).toEqual([{ member: true, password: true }])
  const again = await here.cli('--json', 'restore', 'platform/globals')
  expect(JSON.parse(again.stdout)).toMatchObject({ missing: [] })
  expect(here.events('restore-finished')).toMatchObject([
    { facts: { target: 'roles' } },
    { facts: { target: 'roles' } },
  ])
})
