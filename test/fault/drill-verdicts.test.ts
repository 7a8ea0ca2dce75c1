// What a night of drills meets, each caught, named and told: and never is one tenant's trouble another's.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { StoredEvent } from '../../src/domain/events.js'
import { newBackupId } from '../../src/domain/ids.js'
import type { DumpFacts } from '../../src/domain/manifest.js'
import type { ProofRecord } from '../../src/domain/records.js'
import { type SubjectId, subjectNamed } from '../../src/domain/subject.js'
import { drill } from '../../src/jobs/drill.js'
import { openBackup } from '../../src/jobs/open-backup.js'
import type { Parts } from '../../src/jobs/parts.js'
import { type VerifyReport, verifyBackup } from '../../src/jobs/verify.js'
import { commitManifest } from '../../src/repository/manifests.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { DRILLS, nightOfDrills, scratchFolder } from '../kit/drills.js'

const A = subjectNamed('a')
const B = subjectNamed('b')

let scene: Scene
const scratch = scratchFolder()

beforeAll(async () => {
  const drills = { scratch_directory: scratch.path, assertion_timeout: '60s' }
  scene = await setScene(['a', 'b'], { rows: 600, config: { drills } })
  await scene.cluster.sql(
    'postgres',
    `CREATE ROLE guest; CREATE ROLE "Team ""x"""; GRANT "Team ""x""" TO guest`,
  )
  await scene.cluster.sql('gmah_org_a', 'GRANT SELECT ON notes TO guest; ALTER TABLE items OWNER TO guest')
  expect(await scene.here.night()).toMatchObject({ failure: null })
})
afterEach(() => {
  scene.tools.straighten()
  expect(scratch.left()).toEqual([])
})
afterAll(async () => {
  await scene.end()
  scratch.remove()
})

/** One test restore; `change` is what the parts are like for it. */
async function verify(name = 'a', change: (parts: Parts) => Parts = parts => parts): Promise<ProofRecord> {
  let report: VerifyReport | undefined
  const subject = subjectNamed(name)
  const { failure } = await scene.here.app.runner.run(
    { name: 'verify', subject, trigger: 'manual' },
    async context => {
      const request = { subject, backup: 'latest', level: 'restore' } as const
      report = await verifyBackup(change(scene.here.parts()), request, context)
      return { outcome: 'succeeded' }
    },
  )
  if (failure) throw failure
  return (report as VerifyReport).record
}

const withDrills =
  (changes: Partial<Parts['config']['drills']>) =>
  (parts: Parts): Parts => ({
    ...parts,
    config: { ...parts.config, drills: { ...parts.config.drills, ...changes } },
  })

const asking = (...assertions: Parts['config']['drills']['assertions']) => withDrills({ assertions })

const last = (type: StoredEvent['type']) => scene.here.events(type).at(-1)

test('a byte, a row, a sequence value, a grant, a comment that differ: each is named, and kept', async () => {
  scene.tools.twist('pg_restore', {
    after: `UPDATE public.items SET word = overlay(word placing '!' from 7) WHERE id = 250;
            DELETE FROM public.notes WHERE id = 1; SELECT setval('public.notes_id_seq', 21);
            GRANT INSERT ON public.notes TO guest; COMMENT ON TABLE public.notes IS 'what was said!'`,
  })
  const record = await verify()
  expect(record).toMatchObject({ outcome: 'failed', level: 'restore' })
  expect(record.differences).toEqual([
    expect.stringMatching(/^table public\.items: 600 rows, .* in the backup, 600 rows, .* restored$/),
    expect.stringMatching(/^table public\.notes: 20 rows, .* in the backup, 19 rows, .* restored$/),
    expect.stringMatching(/^sequence public\.notes_id_seq: 20 in the backup, 21 restored$/),
    expect.stringMatching(/^schema COMMENT public\.TABLE notes: /),
    expect.stringMatching(/^schema ACL public\.TABLE notes: /),
  ])
  expect(last('proof-failed')).toMatchObject({ subject: A, facts: { differences: record.differences } })
  expect(scene.here.parts().catalogue.proofs.verdicts(record.backup).failed).toMatchObject({
    level: 'restore',
    differences: record.differences,
  })
  scene.tools.straighten()
  expect(await verify()).toMatchObject({ outcome: 'passed', differences: [] })
  expect(scene.here.parts().catalogue.proofs.verdicts(record.backup).failed).toBe(null)
})

test('one bit of a chunk: the tenant fails with the name of the chunk, the others are proven', async () => {
  const { manifest } = await openBackup(scene.here.parts().repository, A, 'latest')
  const id = manifest.chunks.at(-1)?.id ?? ''
  const file = join(scene.here.storeFolder, `tenants/a/backups/chunks/${id.slice(0, 2)}/${id}`)
  const sound = readFileSync(file)
  const spoiled = Buffer.from(sound)
  spoiled.writeUInt8((spoiled.at(-9) ?? 0) ^ 1, spoiled.length - 9)
  writeFileSync(file, spoiled)
  const { report, run } = await nightOfDrills(scene.here)
  expect(run.outcome).toBe('partial')
  expect(report?.failed).toMatchObject([{ subject: A, why: expect.stringContaining(id) }])
  expect(report?.passed).toHaveLength(3)
  expect(last('proof-failed')).toMatchObject({ subject: A, facts: { backup: manifest.backup } })
  expect(last('objects-damaged')).toMatchObject({
    subject: A,
    facts: { count: 1, broken: [manifest.backup] },
  })
  // It is marked: the next dump stores it anew, and with it the older backup is whole again.
  expect(await scene.here.night({ names: ['a'] })).toMatchObject({ failure: null })
  expect(readFileSync(file)).not.toEqual(spoiled)
  expect(await verify()).toMatchObject({ outcome: 'passed' })
})

describe('pg_restore', () => {
  test('that is killed says nothing of the backup: no verdict', async () => {
    scene.tools.twist('pg_restore', { input: true, pass: 100_000, signal: 'SIGKILL' })
    const before = scene.here.parts().catalogue.proofs.list().length
    await expect(verify()).rejects.toMatchObject({ code: 'restore-failed' })
    const { report, run } = await nightOfDrills(scene.here)
    expect(run.outcome).toBe('partial')
    expect(report?.failed.map(one => one.why.split(':')[0])).toEqual(Array(3).fill('restore-failed'))
    // The roles need no pg_restore.
    expect(scene.here.parts().catalogue.proofs.list()).toHaveLength(before + 1)
    expect(last('drill-failed')?.facts).toMatchObject({ error: { code: 'restore-failed' } })
  })

  test('that refuses the archive is a verdict, with its words', async () => {
    scene.tools.twist('pg_restore', { input: true, flip: 0 })
    const record = await verify()
    expect(record.differences).toMatchObject([expect.stringMatching(/^restore-failed: pg_restore into /)])
  })
})

describe('assertions', () => {
  const bounds = (atLeast: number, atMost: number) => ({ rows: { atLeast, atMost } })
  const plain = { tenants: null, rows: null }

  test('that hold are part of the proof, in the tenant’s own search path', async () => {
    const record = await verify(
      'a',
      asking(
        { ...plain, name: 'true', sql: 'select count(*) = 600 from items -- all of them' },
        { ...plain, ...bounds(600, 600), name: 'rows', sql: 'select * from items' },
        { ...plain, name: 'elsewhere', sql: 'select false', tenants: ['b'] },
      ),
    )
    expect(record).toMatchObject({ outcome: 'passed' })
  })

  test('that do not hold, hang, write or are no query: each is named, and the rest is asked all the same', async () => {
    const record = await verify(
      'a',
      withDrills({
        assertionTimeoutMs: 3_000,
        assertions: [
          { ...plain, name: 'hangs', sql: 'select pg_sleep(600) is null' },
          { ...plain, name: 'false', sql: 'select false' },
          { ...plain, name: 'one', sql: 'select 1' },
          { ...plain, name: 'many', sql: 'select true from items' },
          { ...plain, ...bounds(0, 5), name: 'rows', sql: 'select 1 from items' },
          { ...plain, name: 'writes', sql: `select nextval('notes_id_seq') = 1` },
          { ...plain, name: 'ends it', sql: 'select true; commit; drop table items' },
          { ...plain, name: 'nonsense', sql: 'select true from nowhere' },
        ],
      }),
    )
    expect(record.outcome).toBe('failed')
    expect(record.differences).toEqual([
      'assertion hangs: no answer within 3 s',
      'assertion false: it is false, not true',
      'assertion one: it is 1, not true',
      'assertion many: it yields 2 values, and must yield one: true',
      'assertion rows: 600 rows, at least 0 and at most 5 were asked for',
      expect.stringMatching(/^assertion writes: .*read-only transaction/),
      expect.stringMatching(/^assertion ends it: .*syntax error/),
      expect.stringMatching(/^assertion nonsense: .*"nowhere" does not exist/),
    ])
  })
})

test('a disk that is too small: told with both figures, nothing is loaded', async () => {
  const { report, run } = await nightOfDrills(scene.here, { diskBytes: 16e6 })
  expect(run.outcome).toBe('partial')
  expect(report?.failed).toEqual([])
  expect(report?.left.map(one => one.subject)).toEqual(expect.arrayContaining([A, B]))
  for (const one of report?.left ?? []) {
    expect(one).toMatchObject({ reason: 'disk', freeBytes: expect.any(Number) })
    expect(one.neededBytes).toBeGreaterThan(one.freeBytes ?? 0)
  }
  expect(last('drill-left-out')?.facts).toMatchObject({ reason: 'disk', neededBytes: expect.any(Number) })
})

test('a budget that is used up: told, and the first one is drilled all the same', async () => {
  const { report } = await nightOfDrills(scene.here, { budgetMs: 1, concurrency: 1 })
  expect(report?.passed).toHaveLength(1)
  expect(report?.left).toHaveLength(3)
  expect(report?.left).toMatchObject(Array(3).fill({ reason: 'budget', overdue: false }))
  expect(last('drills-covered')?.facts).toMatchObject({ percent: 100 })
})

/** A newer backup of a subject, equal to its newest but for what the dump says of the server it came from. */
async function commitLike(subject: SubjectId, change: (dump: DumpFacts) => DumpFacts): Promise<void> {
  const { repository } = scene.here.parts()
  const { manifest, key } = await openBackup(repository, subject, 'latest')
  if (!manifest.dump) throw new Error('a database was expected')
  const instant = new Date(Date.parse(manifest.instant) + 1).toISOString()
  const dump = change(manifest.dump)
  await commitManifest(repository.store, key, { ...manifest, backup: newBackupId(), instant, dump })
}

test('a stale newest backup fails and is not even loaded', async () => {
  const { here } = scene
  const parts = here.parts()
  const window = { ...parts.config.schedules[0], job: 'backup-all', freshnessWindowMs: 1 } as never
  const stale = { ...parts, config: { ...parts.config, schedules: [window] } }
  const proofs = parts.catalogue.proofs.list().length
  const { failure } = await here.app.runner.run({ name: 'drill', trigger: 'manual' }, async context => {
    const report = await drill(stale, DRILLS, context)
    expect(report.passed).toEqual([])
    expect(report.failed.map(one => one.why)).toEqual(
      Array(4).fill(expect.stringMatching(/^backup-stale: .* hours old/)),
    )
    return { outcome: 'partial' }
  })
  expect(failure).toBe(null)
  expect(parts.catalogue.proofs.list()).toHaveLength(proofs)
})

test('an extension that the scratch lacks: a failed proof that names it', async () => {
  const lacking = { name: 'gmah_nowhere', version: '1', schema: 'public' }
  await commitLike(B, dump => ({ ...dump, extensions: [...dump.extensions, lacking] }))
  const record = await verify('b')
  expect(record).toMatchObject({ outcome: 'failed' })
  expect(record.differences).toEqual([expect.stringMatching(/^extension-missing: .*gmah_nowhere/)])
})

test('a locale that the machine lacks, and a role that no globals backup knows: told loudly, the data is proven', async () => {
  await commitLike(A, dump => ({
    ...dump,
    roles: [...dump.roles, 'stranger'],
    database: { ...dump.database, collate: 'xx_XX.utf8', ctype: 'xx_XX.utf8' },
  }))
  const record = await verify()
  expect(record).toMatchObject({ outcome: 'passed', differences: [] })
  expect(record.notes).toEqual([
    expect.stringMatching(/^role stranger stands in no globals backup/),
    expect.stringMatching(/^the machine does not know the locale libc xx_XX\.utf8: C was taken/),
  ])
  expect(last('scratch-differs')).toMatchObject({ subject: A, facts: { notes: record.notes } })
})
