// What would stop a restore is found before anything is made on the server, and told with the way out.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/domain/errors.js'
import { newBackupId } from '../../src/domain/ids.js'
import type { Manifest } from '../../src/domain/manifest.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { openBackup } from '../../src/jobs/open-backup.js'
import { commitManifest } from '../../src/repository/manifests.js'
import { type Scene, setScene } from '../kit/disaster.js'

let scene: Scene
beforeAll(async () => {
  scene = await setScene(['a', 'b'], { rows: 50 })
  await scene.cluster.sql(
    'gmah_org_b',
    `CREATE ROLE boss; CREATE ROLE clerk IN ROLE boss; ALTER TABLE items OWNER TO clerk; GRANT SELECT ON notes TO clerk;
     CREATE ROLE auditor; ALTER ROLE auditor IN DATABASE gmah_org_b SET work_mem = '5MB'`,
  )
  expect(await scene.here.night()).toMatchObject({ failure: null })
})
afterAll(() => scene.end())

const databases = () =>
  scene.cluster.sql('postgres', 'SELECT datname::text AS name FROM pg_database ORDER BY 1')

async function refused(
  code: ErrorCode,
  name: string,
  target: string,
  options: { backup?: string; withRoles?: boolean } = {},
) {
  const before = await databases()
  const failure = await scene.here.restore(name, target, options).catch(thrown => thrown)
  expect(failure).toMatchObject({ code })
  expect(await databases()).toEqual(before)
  expect(scene.told()).toMatchObject({ outcome: 'failed', error: code })
  return failure
}

/** A backup of `a` like its newest, but for what `change` makes of its facts. */
async function doctored(change: (dump: NonNullable<Manifest['dump']>) => Partial<Manifest['dump']>) {
  const { repository } = scene.here.parts()
  const { key, manifest } = await openBackup(repository, subjectNamed('a'), 'latest')
  if (!manifest.dump) throw new Error('a database was expected')
  const backup = newBackupId()
  const dump = { ...manifest.dump, ...change(manifest.dump) } as Manifest['dump']
  await commitManifest(repository.store, key, {
    ...manifest,
    backup,
    dump,
    instant: '2020-01-01T00:00:00.000Z',
  })
  return backup
}

test('the target exists', async () => {
  const failure = await refused('target-exists', 'a', 'gmah_org_a')
  expect(failure.hint).toContain('--as')
  const { exitCode, stderr } = await scene.here.cli('restore', 'a', '--as', 'gmah_org_b')
  expect(exitCode).toBe(5)
  expect(stderr).toContain('there is a database gmah_org_b already [target-exists]')
})

test('the target appears while the data is loaded: it is left alone', async () => {
  const { cluster, tools, here, gate } = scene
  const stop = gate('late')
  tools.twist('pg_restore', { input: true, gate: stop.path, gateAt: 5_000 })
  const restoring = here.restore('a', 'taken').catch(thrown => thrown)
  await expect.poll(stop.reached, { timeout: 90_000 }).toBe(true)
  await cluster.createDatabase({ name: 'taken', sql: 'CREATE TABLE mine ()' })
  const before = await databases()
  stop.open()
  expect(await restoring).toMatchObject({ code: 'target-exists' })
  expect(
    await cluster.sql('taken', `SELECT relname::text FROM pg_class WHERE relname IN ('mine', 'items')`),
  ).toEqual([{ relname: 'mine' }])
  const staging = /"restoring_[0-9a-f]{12}"/
  expect(JSON.stringify(before)).toMatch(staging)
  expect(JSON.stringify(await databases())).not.toMatch(staging)
  tools.straighten()
})

test('no name for a database', async () => {
  await refused('target-invalid', 'a', 'x'.repeat(64))
})

test('the backup is of a newer server', async () => {
  const backup = await doctored(dump => ({ server: { ...dump.server, versionNum: 990_001 } }))
  const failure = await refused('version-too-old', 'a', 'copy', { backup })
  expect(failure.message).toContain('the backup is of PostgreSQL 99')
  expect(failure.hint).toContain('at least as new')
})

test('an extension is not installed', async () => {
  const extension = { name: 'timescaledb', version: '2.17', schema: 'public' }
  const backup = await doctored(({ extensions }) => ({ extensions: [...extensions, extension] }))
  const failure = await refused('extension-missing', 'a', 'copy', { backup })
  expect(failure).toMatchObject({
    message: 'the target lacks the extensions timescaledb',
    hint: expect.stringContaining('install'),
    facts: { missing: ['timescaledb'] },
  })
})

describe('roles that are gone', () => {
  beforeAll(async () => {
    await scene.cluster.sql('postgres', 'DROP DATABASE gmah_org_b')
    await scene.cluster.sql('postgres', 'DROP ROLE clerk, boss, auditor')
  })

  test('are named before anything is done', async () => {
    const failure = await refused('roles-missing', 'b', 'copy of b')
    expect(failure).toMatchObject({
      // One owns a table; the other stands in the settings of the database alone.
      message: 'the target lacks the roles auditor, clerk',
      hint: expect.stringContaining('--with-roles'),
      facts: { missing: ['auditor', 'clerk'] },
    })
  })

  test('that the globals backup does not know either', async () => {
    const backup = await doctored(({ roles }) => ({ roles: [...roles, 'stranger'] }))
    const failure = await refused('roles-missing', 'a', 'copy', { backup, withRoles: true })
    expect(failure.message).toContain('the globals backup does not know stranger')
  })

  test('are made from the globals backup when asked for, with what they are members of', async () => {
    const { here, cluster } = scene
    const report = await here.restore('b', 'copy of b', { withRoles: true })
    expect(report.proof.differences).toEqual([])
    expect(report.createdRoles).toEqual(['auditor', 'clerk'])
    const [{ member } = { member: null }] = await cluster.sql<{ member: boolean }>(
      'postgres',
      `SELECT pg_has_role('clerk', 'boss', 'MEMBER') AS member`,
    )
    expect(member).toBe(true)
  })
})
