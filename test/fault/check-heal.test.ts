// A real night, a store that goes bad under it, the check that finds it, and the night that heals it: on a directory with the built
// command line, and on R2.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Manifest } from '../../src/domain/manifest.js'
import { tenantSubject } from '../../src/domain/subject.js'
import { endOfCheck } from '../../src/jobs/check-report.js'
import { checkStore } from '../../src/jobs/check-store.js'
import { chunkKey } from '../../src/store/keys.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { type Installation, install } from '../kit/installation.js'
import { churn } from '../kit/platform/churn.js'
import { seedPlatform } from '../kit/platform/seed.js'
import { startR2 } from '../kit/r2.js'

const ACME = tenantSubject('acme', 'gmah_org_acme').id
const CUTTER = { cutter: { min: '16KiB', average: '64KiB', max: '256KiB' } }
let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme', 'globex'], megabytesPerTenant: 0.4 })
})

afterAll(() => cluster.stop())

async function backUp(here: Installation): Promise<Manifest> {
  const { report } = await here.night({ names: ['acme', 'globex'] })
  const made = report?.succeeded.find(one => one.subject === ACME)
  if (!made) throw new Error('acme was not backed up')
  return made
}

/** A chunk that only the second of two backups needs. */
function newIn(second: Manifest, first: Manifest): string {
  const found = second.chunks.find(one => first.chunks.every(old => old.id !== one.id))
  if (!found) throw new Error('the second has nothing of its own')
  return chunkKey(ACME, found.id)
}

it('on a directory, from the command line: found, said, passed over, healed, proven', async () => {
  const here = await install(cluster.target, { config: { dump: CUTTER } })
  try {
    const first = await backUp(here)
    await churn(cluster.target, 'acme', 0.05)
    const second = await backUp(here)
    const sound = await here.cli('check', '--read', 'all')
    expect([sound.exitCode, sound.stderr]).toEqual([
      0,
      expect.stringMatching(/^ok {6}acme: 2 backups, .*read back/m),
    ])
    expect(sound.stdout).toMatch(/^2 subjects, 4 backups checked; no damage$/m)

    const [flipped, gone] = [
      newIn(second, first),
      chunkKey(ACME, second.chunks.find(one => first.chunks.some(old => old.id === one.id))!.id),
    ]
    const file = join(here.storeFolder, flipped)
    const body = readFileSync(file)
    body.writeUInt8(body.readUInt8(body.length - 30) ^ 4, body.length - 30)
    writeFileSync(file, body)
    const keptAside = readFileSync(join(here.storeFolder, gone))
    rmSync(join(here.storeFolder, gone))

    const cheap = await here.cli('check', 'acme')
    expect([cheap.exitCode, cheap.stdout]).toEqual([8, expect.stringContaining(`DAMAGED ${gone}: missing`)])
    expect(cheap.stdout).not.toContain(flipped)
    writeFileSync(join(here.storeFolder, gone), keptAside)
    const deep = await here.cli('--json', 'check', 'acme', '--read', 'all')
    expect(deep.exitCode).toBe(8)
    expect(JSON.parse(deep.stdout).checked).toMatchObject([
      { healed: [gone], damaged: [{ key: flipped, kind: 'corrupt' }], broken: [{ backup: second.backup }] },
    ])
    const listed = await here.cli('backups', 'acme')
    expect(listed.stdout).toMatch(new RegExp(`^${second.backup} .*BROKEN`, 'm'))
    const older = await here.restore('acme', 'acme_older')
    expect([older.manifest.backup, older.passedOver.map(one => one.backup)]).toEqual([
      first.backup,
      [second.backup],
    ])
    expect(here.events('backup-passed-over')).toHaveLength(1)

    // The live database still has what was lost: the night takes it back.
    const third = await backUp(here)
    expect(third.stored.newChunks).toBe(1)
    expect(here.events('objects-healed').at(-1)).toMatchObject({
      subject: ACME,
      facts: { count: 1, first: [flipped] },
    })
    const after = await here.cli('check', '--read', 'all')
    expect([after.exitCode, after.stdout]).toEqual([0, expect.stringMatching(/no damage$/m)])
    expect((await here.cli('backups', 'acme')).stdout).not.toContain('BROKEN')
    const { proof } = await here.restore('acme', 'acme_second', { backup: second.backup })
    expect(proof.differences).toEqual([])
  } finally {
    await here.remove()
  }
})

it('on R2: the same, with marks in the bucket, and the rotation of a schedule', async () => {
  const r2 = await startR2()
  const { endpoint, bucket, accessKeyId, secretAccessKey } = r2
  const access = { access_key_id: accessKeyId, secret_access_key: secretAccessKey }
  const here = await install(cluster.target, {
    config: { store: { type: 's3', endpoint, bucket, ...access }, dump: CUTTER },
  })
  try {
    const made = await backUp(here)
    const { store } = here.parts().repository
    const bad = chunkKey(ACME, made.chunks[1]!.id)
    const body = (await store.get(bad)).body
    await store.put(bad, Buffer.from(body.map((byte, at) => (at === body.length - 50 ? byte ^ 1 : byte))))
    const run = () =>
      here.app.runner.run({ name: 'check', trigger: 'schedule' }, async context => {
        const request = { names: [], mode: { kind: 'rotate', nights: 2 }, budgetBytes: null } as const
        return endOfCheck(await checkStore(here.parts(), request, context))
      })
    const outcomes = [(await run()).run, (await run()).run]
    expect(outcomes.at(-1)).toMatchObject({ outcome: 'partial', facts: { damaged: 1, broken: 1 } })
    expect(here.events('objects-damaged')).toMatchObject([
      { subject: ACME, facts: { count: 1, first: [{ key: bad }], broken: [made.backup] } },
    ])
    expect(here.parts().catalogue.list({ subject: ACME })[0]?.broken).toContain('1 of its chunks is damaged')
    const marks = []
    for await (const { key } of store.list('platform/damage/')) marks.push(key)
    expect(marks).toHaveLength(1)
    // Another machine, with nothing but the bucket, knows it too.
    await here.parts().catalogue.refresh(here.parts().repository, { from: 'nothing' })
    expect(
      here
        .parts()
        .catalogue.newest()
        .map(one => one.subject),
    ).not.toContain(ACME)

    const healed = await backUp(here)
    expect(healed.stored.newChunks).toBe(1)
    const last = (await run()).run
    expect(last).toMatchObject({ outcome: 'succeeded', facts: { damaged: 0, broken: 0 } })
    expect(
      here
        .parts()
        .catalogue.list({ subject: ACME })
        .map(one => one.broken),
    ).toEqual([null, null])
  } finally {
    await here.remove()
    await r2.stop()
  }
})
