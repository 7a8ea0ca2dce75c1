// The disk of the PostgreSQL server runs full while a restore in place is loaded: a real file system of a few megabytes.
// Only root may mount one; elsewhere this says loudly that it was left out.
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { contentHash } from '../kit/content-hash.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { databasesOf, putBack, putBackFails } from '../kit/in-place.js'

const LIVE = 'gmah_org_a'
const MEGABYTE = 1024 * 1024
/** More than an empty database takes, which PostgreSQL writes with holes at first; less than the tenant's rows. */
const ROOM = 5 * MEGABYTE

const disk = mountDisk()
if (disk === null)
  process.stderr.write('\nLEFT OUT: no file system can be mounted here, so no disk runs full\n')

function mountDisk(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'gmah-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', folder], { stdio: 'pipe' })
    return folder
  } catch {
    rmSync(folder, { recursive: true })
    return null
  }
}

let scene: Scene
beforeAll(async () => {
  if (disk === null) return
  scene = await setScene(['a'], { rows: 10_000 })
  const { cluster, here } = scene
  const tablespace = join(disk, 'tablespace')
  mkdirSync(tablespace)
  const { uid, gid } = statSync(cluster.dataDirectory)
  chownSync(tablespace, uid, gid)
  await cluster.sql('postgres', `CREATE TABLESPACE small LOCATION '${tablespace}'`)
  await cluster.sql('postgres', `ALTER DATABASE ${LIVE} SET TABLESPACE small`)
  expect(await here.night()).toMatchObject({ failure: null })
  await cluster.sql(LIVE, 'DELETE FROM notes')
})
afterAll(async () => {
  if (disk === null) return
  await scene.end()
  execFileSync('umount', ['--lazy', disk])
  rmSync(disk, { recursive: true })
})

test.skipIf(disk === null)(
  'told as disk-full, nothing is changed or left; with room again it goes',
  async () => {
    const { cluster, here } = scene
    const before = await contentHash(cluster, LIVE)
    // What the server has in memory alone would take the room later.
    await cluster.sql('postgres', 'CHECKPOINT')
    const { bavail, bsize } = statfsSync(disk as string)
    const ballast = join(disk as string, 'ballast')
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - ROOM))
    const failure = await putBackFails(here, 'a')
    // To compare takes room for sorting.
    rmSync(ballast)
    expect(failure).toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining('No space left on device'),
    })
    expect(await databasesOf(cluster)).toEqual(['gmah_master', LIVE])
    expect(await contentHash(cluster, LIVE)).toEqual(before)
    expect(here.events('swap-step')).toEqual([])
    expect(scene.told()).toMatchObject({ outcome: 'failed', error: 'disk-full' })
    expect(here.events('restore-failed').at(-1)?.facts).toMatchObject({ error: { code: 'disk-full' } })
    // What has to be freed is the server's disk, wherever this program runs.
    expect(failure.hint).toContain('PostgreSQL server')
    await putBack(here, 'a')
    expect(await cluster.sql(LIVE, 'SELECT count(*)::int AS n FROM notes')).toEqual([{ n: 20 }])
  },
)
