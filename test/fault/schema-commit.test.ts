// Tables on their way into a live database, and the connection or the program lost exactly at the COMMIT: there is no schema
// then, or one that says that it is not proven, and what comes next drops it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { asFailure } from '../../src/domain/errors.js'
import { stagingName, UNPROVEN_NOTE } from '../../src/domain/restore-names.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { closeLastLife } from '../../src/jobs/daemon-work.js'
import { restoreIntoSchema } from '../../src/jobs/restore-into-schema.js'
import { sweepSchemas } from '../../src/jobs/sweep-staging.js'
import { silentLogger } from '../../src/sys/log.js'
import { until } from '../kit/clock.js'
import { editConfig } from '../kit/daemon.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { databasesOf } from '../kit/in-place.js'
import { CLI } from '../kit/installation.js'
import { type PostgresProxy, startPostgresProxy } from '../kit/postgres-proxy.js'

const LIVE = 'gmah_org_a'
/** A statement of its own, as pg_restore sends it. */
const COMMIT = /^Q.{4}COMMIT\0$/s
let scene: Scene
let proxy: PostgresProxy
beforeAll(async () => {
  scene = await setScene(['a'], { rows: 50 })
  expect(await scene.here.night()).toMatchObject({ failure: null })
  proxy = await startPostgresProxy(scene.cluster.target)
  editConfig(scene.here, config => {
    config.postgres = { ...config.postgres, host: proxy.target.host }
  })
  await scene.here.reopen()
})
afterAll(async () => {
  await proxy.stop()
  await scene.end()
})
beforeEach(async () => expect(await found()).toEqual(NOTHING))

const NOTHING = { databases: ['gmah_master', LIVE], schemas: [] }
const found = async () => ({
  databases: await databasesOf(scene.cluster),
  schemas: await scene.cluster.sql(
    LIVE,
    `SELECT nspname::text AS name, obj_description(oid, 'pg_namespace') AS note FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') ORDER BY 1`,
  ),
})

/** The COMMIT that was on its way arrives. */
async function arrived(): Promise<void> {
  proxy.deliver()
  await until(async () => {
    const others = `SELECT 1 FROM pg_stat_activity WHERE datname = '${LIVE}' AND pid <> pg_backend_pid() AND backend_type = 'client backend'`
    return (await scene.cluster.sql(LIVE, others)).length === 0
  })
}

test.each(['afterwards', 'late'] as const)(
  'the answer lost, the server being told %s: the restore fails, nothing is left, and nothing comes later',
  async when => {
    const { here, told } = scene
    proxy.cut(COMMIT, when, { database: LIVE })
    const subject = subjectNamed('a')
    const tables = [{ schema: 'public', name: 'items' }]
    const request = { subject, backup: 'latest', tables, intoSchema: 'side', withRoles: false }
    const { failure } = await here.app.runner.run(
      { name: 'restore', subject, trigger: 'manual' },
      async context => {
        await restoreIntoSchema(here.parts(), request, context)
        return { outcome: 'succeeded' }
      },
    )
    expect(asFailure(failure).code).toBe('postgres-unreachable')
    expect(told()).toMatchObject({ outcome: 'failed', error: 'postgres-unreachable' })
    expect(await found()).toEqual(NOTHING)
    await arrived()
    expect(await found()).toEqual(NOTHING)
  },
)

/** The command line, killed with -9 while its COMMIT, or the answer, is on its way. @returns what it called its own. */
async function killedAtCommit(when: 'afterwards' | 'late'): Promise<string> {
  const { here } = scene
  const asked = ['--config', here.configFile, 'restore', 'a', '--tables', 'items', '--into-schema', 'side']
  const child = spawn('node', [CLI, ...asked], { stdio: 'ignore' })
  proxy.cut(COMMIT, when, { database: LIVE, meanwhile: () => child.kill('SIGKILL') })
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
  const [run] = here.app.journal.runs({ limit: 1 })
  expect(run?.outcome).toBe('running')
  return stagingName(run!.id)
}

test('killed while it was on its way: the next start ends who would still do it', async () => {
  const { here } = scene
  const name = await killedAtCommit('late')
  expect(await found()).toEqual({ databases: [...NOTHING.databases, name], schemas: [] })
  await closeLastLife(here.parts(), here.app.journal, silentLogger())
  expect(await found()).toEqual(NOTHING)
  await arrived()
  expect(await found()).toEqual(NOTHING)
})

test('no database is connected to for it where no restore went wrong', async () => {
  const { here } = scene
  const { postgres, ...config } = here.parts().config
  const nowhere = { ...here.parts(), config: { ...config, postgres: { ...postgres, host: '/nowhere' } } }
  const isOver = () => true
  expect(await sweepSchemas(nowhere, isOver, new Set())).toEqual([])
  await expect(sweepSchemas(nowhere, isOver, new Set([subjectNamed('a')]))).rejects.toThrow()
  expect(await sweepSchemas(here.parts(), isOver, new Set([subjectNamed('other')]))).toEqual([])
})

test('of a run that nobody knows: every backup tells it, and nobody drops it', async () => {
  const { here, cluster } = scene
  const foreign = { name: 'restoring_0123456789ab', note: UNPROVEN_NOTE }
  const { id } = here.app.journal.startRun({ job: 'restore', trigger: 'manual', subject: subjectNamed('a') })
  for (const name of [foreign.name, stagingName(id)])
    await cluster.sql(LIVE, `CREATE SCHEMA ${name}; COMMENT ON SCHEMA ${name} IS '${UNPROVEN_NOTE}'`)
  expect(await here.night()).toMatchObject({ failure: null })
  // The other one is being made just now.
  expect(here.events('schemas-left')).toMatchObject([
    { subject: 'tenants/a', facts: { database: LIVE, schemas: [foreign.name] } },
  ])
  expect((await found()).schemas).toContainEqual(foreign)
  here.app.journal.finishRun(id, { outcome: 'failed' })
  await closeLastLife(here.parts(), here.app.journal, silentLogger())
  expect((await found()).schemas).toEqual([foreign])
  await cluster.sql(LIVE, `DROP SCHEMA ${foreign.name}`)
  expect(await here.night()).toMatchObject({ failure: null })
  expect(here.events('schemas-left')).toHaveLength(1)
})

test('killed when it was done: the schema says what it is, and that alone is enough for the next start', async () => {
  const { here, cluster, told } = scene
  const name = await killedAtCommit('afterwards')
  const mine = { name, note: UNPROVEN_NOTE }
  expect(await found()).toEqual({ databases: [...NOTHING.databases, name], schemas: [mine] })
  await cluster.sql('postgres', `DROP DATABASE ${name} WITH (FORCE)`)
  // Another machine's, for all we know.
  const foreign = { name: 'restoring_0123456789ab', note: UNPROVEN_NOTE }
  await cluster.sql(
    LIVE,
    `CREATE SCHEMA ${foreign.name}; COMMENT ON SCHEMA ${foreign.name} IS '${UNPROVEN_NOTE}'`,
  )
  const logged: unknown[] = []
  const log = { ...silentLogger(), warn: (facts: unknown) => void logged.push(facts) } as never
  await closeLastLife(here.parts(), here.app.journal, log)
  expect(logged).toContainEqual({ dropped: [`${LIVE}, schema ${name}`] })
  expect(told()).toMatchObject({ outcome: 'interrupted', error: 'interrupted' })
  expect((await found()).schemas).toEqual([foreign])
  // Somebody's own, by chance of that name: without the note nothing in a live database is ours.
  await cluster.sql(LIVE, `DROP SCHEMA ${foreign.name}; CREATE SCHEMA ${name}`)
  await closeLastLife(here.parts(), here.app.journal, silentLogger())
  expect((await found()).schemas).toEqual([{ name, note: null }])
  await cluster.sql(LIVE, `DROP SCHEMA ${name}`)
})
