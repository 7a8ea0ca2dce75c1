// The backup user may not read everything, a pooler is in the way, or the programs are the wrong ones: refused before a
// byte is stored, in words that say what to do.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Scene, setScene } from '../kit/disaster.js'
import { type Installation, install } from '../kit/installation.js'
import { startBouncer } from '../kit/pgbouncer.js'

const A = 'tenants/a'
let scene: Scene
let reader: Installation
beforeAll(async () => {
  scene = await setScene(['a', 'b'], { rows: 50 })
  await scene.cluster.sql('postgres', 'CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader')
  reader = await install(scene.cluster.as('reader'), { config: { dump: { retry_pause: '0s' } } })
})
afterAll(async () => {
  await reader.remove()
  await scene.end()
})
afterEach(() => scene.tools.straighten())

describe('what the backup user may not read', () => {
  const OBSTACLES: [string, string, string, string, string][] = [
    [
      'row security',
      'ALTER TABLE items ENABLE ROW LEVEL SECURITY',
      'ALTER TABLE items DISABLE ROW LEVEL SECURITY',
      'row security hides rows of public.items',
      'BYPASSRLS',
    ],
    [
      'a large object',
      'SELECT lo_create(4711)',
      'SELECT lo_unlink(4711)',
      'no right to read large object 4711',
      "large objects' owners",
    ],
    [
      'a table',
      'REVOKE pg_read_all_data FROM reader; GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON notes TO reader; GRANT SELECT ON SEQUENCE notes_id_seq TO reader',
      'GRANT pg_read_all_data TO reader',
      'no right to read table public.items',
      'pg_read_all_data',
    ],
  ]
  test.each(OBSTACLES)('%s', async (_what, harm, remedy, message, hint) => {
    const { cluster } = scene
    await cluster.sql('gmah_org_a', harm)
    const { failure, run } = await reader.night({ names: ['a'] })
    expect(failure).toMatchObject({
      code: 'privileges-missing',
      message: `cannot dump "gmah_org_a": ${message}`,
      hint: expect.stringContaining(hint),
      retryable: false,
    })
    expect(run).toMatchObject({ outcome: 'failed', error: { code: 'privileges-missing' } })
    expect(reader.events('backup-failed').at(-1)).toMatchObject({ subject: A, run: run.id })
    const { exitCode, stderr } = await reader.cli('backup', 'a')
    expect(exitCode).toBe(7)
    expect(stderr).toContain(message)
    expect(stderr).toMatch(new RegExp(`hint: .*${hint}`))
    await cluster.sql('gmah_org_a', remedy)
    expect(await reader.night({ names: ['a'] })).toMatchObject({ failure: null })
  })
})

test('PgBouncer in the path is named, and nothing is tried through it', async () => {
  const bouncer = await startBouncer(scene.cluster)
  const behind = await install(bouncer.target)
  try {
    const { failure, run } = await behind.night()
    expect(failure).toMatchObject({
      code: 'pooler-in-path',
      message: expect.stringContaining('is behind a connection pooler'),
      hint: expect.stringContaining('not at PgBouncer'),
    })
    expect(run).toMatchObject({ outcome: 'failed', error: { code: 'pooler-in-path' } })
    expect(behind.events('backup-started')).toEqual([])
    expect(behind.parts().catalogue.newest()).toEqual([])
  } finally {
    await behind.remove()
    await bouncer.stop()
  }
})

describe('the programs', () => {
  const nightOfA = async () => {
    const { here, tools, manifests, told } = scene
    const [before, calls] = [manifests(A), tools.calls('pg_dump', 'gmah_org_a')]
    const { failure, run } = await here.night({ names: ['a'] })
    expect(told(run.id)).toMatchObject({ outcome: 'failed', committed: [], failed: { [A]: failure?.code } })
    expect(manifests(A)).toEqual(before)
    expect(tools.calls('pg_dump', 'gmah_org_a')).toBe(calls)
    return failure
  }
  const major = () => Number.parseInt(scene.cluster.version.replace(/^\D+/, ''), 10)

  test('a pg_dump older than the server is not started', async () => {
    scene.tools.twist('pg_dump', { version: '12.22' })
    expect(await nightOfA()).toMatchObject({
      code: 'tool-too-old',
      message: expect.stringMatching(/^the server is PostgreSQL \d+, all that is there is .*\(12\.22\)$/),
      hint: expect.stringContaining(`apt install postgresql-client-${major()}`),
    })
  })

  test('none at all', async () => {
    scene.tools.remove('pg_dump')
    expect(await nightOfA()).toMatchObject({
      code: 'tool-missing',
      message: `there is no pg_dump in ${scene.tools.directory}`,
      hint: expect.stringContaining(`apt install postgresql-client-${major()}`),
    })
  })
})
