// The scratch's disk runs full in the middle of a test restore: a real file system that shrinks under it. The backup is not blamed,
// the figures are told, and nothing of the scratch is left. Only root may mount one; elsewhere this says loudly that it was left out.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { subjectNamed } from '../../src/domain/subject.js'
import { alertBench } from '../kit/alerting.js'
import { until } from '../kit/clock.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { nightOfDrills } from '../kit/drills.js'

const A = subjectNamed('a')
/** More than the reserve and a small load take; what is not written takes no memory. */
const WHOLE = 'size=2g'

let disk: string | null = null

function mountDisk(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'gmah-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', WHOLE, 'tmpfs', folder], { stdio: 'pipe' })
    chmodSync(folder, 0o755)
    return folder
  } catch {
    rmSync(folder, { recursive: true })
    return null
  }
}

const resize = (size: string) =>
  execFileSync('mount', ['-o', `remount,${size}`, disk as string], { stdio: 'pipe' })

/** From here on there is room for a few pages more. Refused as long as more is written than was there when we looked. */
const fill = () =>
  until(() => {
    const { blocks, bfree, bsize } = statfsSync(disk as string)
    try {
      resize(`size=${(blocks - bfree + 4) * bsize}`)
      return true
    } catch {
      return false
    }
  })

let scene: Scene
beforeAll(async () => {
  disk = mountDisk()
  if (disk === null) {
    process.stderr.write('\nLEFT OUT: no file system can be mounted here, so no scratch runs full\n')
    return
  }
  scene = await setScene(['a'], { rows: 3000, config: { drills: { scratch_directory: disk } } })
  expect(await scene.here.night()).toMatchObject({ failure: null })
})
beforeEach(({ skip }) => skip(disk === null))
afterEach(() => {
  if (disk === null) return
  scene.tools.straighten()
  resize(WHOLE)
})
afterAll(async () => {
  try {
    await scene?.end()
  } finally {
    if (disk !== null) {
      execFileSync('umount', ['--lazy', disk])
      rmSync(disk, { recursive: true })
    }
  }
})

const failedProofs = () =>
  scene.here
    .parts()
    .catalogue.proofs.ofKept()
    .filter(one => one.outcome === 'failed')

/** Once pg_restore has got so many bytes of it. */
async function runsFullAt<T>(bytes: number, work: () => Promise<T>): Promise<T> {
  const gate = scene.gate(`at-${bytes}`)
  scene.tools.twist('pg_restore', { input: true, gate: gate.path, gateAt: bytes })
  const working = work()
  await until(gate.reached)
  await fill()
  gate.open()
  return working
}

test('in a drill: not proven for lack of disk, with the figures, and over when there is room', async () => {
  const { here } = scene
  const bench = alertBench([])
  let seen = 0
  const told = async () => {
    for (const event of here.events().slice(seen)) bench.event(event)
    seen = here.events().length
    await bench.alerting.tick()
    return bench.desk.list({ closed: false }).incidents
  }
  expect(await told()).toEqual([])
  const { run, report } = await runsFullAt(1_000_000, () => nightOfDrills(here, { concurrency: 1 }))
  expect(run.outcome).toBe('partial')
  expect(report).toMatchObject({ failed: [] })
  const [left] = report?.left.filter(one => one.subject === A) ?? []
  expect(left).toMatchObject({ reason: 'disk', freeBytes: 0 })
  expect(readdirSync(disk as string)).toEqual([])
  expect(failedProofs()).toEqual([])
  const [incident, ...others] = await told()
  expect(others).toEqual([])
  expect(incident).toMatchObject({ rule: 'proof-impossible', severity: 'warning' })
  const figures = `${Math.round((left?.neededBytes ?? 0) / 1e6)} MB > 0 MB`
  expect(incident?.members.find(one => one.subject === A)?.detail).toBe(figures)

  scene.tools.straighten()
  resize(WHOLE)
  expect(await nightOfDrills(here)).toMatchObject({ run: { outcome: 'succeeded' }, report: { left: [] } })
  expect(readdirSync(disk as string)).toEqual([])
  expect(await told()).toEqual([])
})

test('before its first connection, which the server then refuses: no verdict either', async () => {
  const { stderr } = await runsFullAt(50, () => scene.here.cli('verify', 'a'))
  expect(stderr).toMatch(/ran full in the middle of a test restore that takes about \d+ MB \[disk-full\]/)
  expect(stderr).toContain('hint: free space there, or put drills.scratch_directory on another disk')
  expect(readdirSync(disk as string)).toEqual([])
  expect(failedProofs()).toEqual([])
})
