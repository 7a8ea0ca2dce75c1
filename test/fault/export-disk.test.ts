// A backup is exported to a disk that is too small, by one who is interrupted, over a file that is there, or in pieces
// that are damaged: under the asked name there is the whole file or none.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { exportBackup } from '../../src/jobs/export-backup.js'
import type { Watcher } from '../../src/jobs/parts.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { tenantDatabase } from '../kit/platform/seed.js'
import { mountSmall } from '../kit/small-disk.js'

let scene: Scene
/** What pg_dump said that night. */
let said: string
beforeAll(async () => {
  scene = await setScene(['a'])
  said = join(scene.here.folder, 'said.dump')
  scene.tools.twist('pg_dump', { database: tenantDatabase('a'), keep: said })
  await scene.here.night({ names: ['a'] })
  scene.tools.straighten()
})
afterAll(() => scene.end())

function folder(name: string): string {
  const path = join(scene.here.folder, name)
  mkdirSync(path)
  return path
}

const exporting = (file: string, signal = new AbortController().signal, watch: Watcher = {}) =>
  scene.here.app.runner.run({ name: 'export', trigger: 'manual' }, async context => {
    const request = { subject: subjectNamed('a'), backup: 'latest', file }
    await exportBackup(scene.here.parts(), request, { ...context, signal, watch })
    return { outcome: 'succeeded' }
  })

test('a disk that is full', async context => {
  const small = folder('small')
  if (!mountSmall(small, 256)) return context.skip('only root may mount a small disk')
  const file = join(small, 'a.dump')
  const { failure } = await exporting(file)
  expect(failure).toMatchObject({ code: 'disk-full', message: `no room for ${file}` })
  expect(scene.told()).toMatchObject({ outcome: 'failed', error: 'disk-full' })
  expect(readdirSync(small)).toEqual([])
  const { exitCode, stderr } = await scene.here.cli('backup', 'export', 'a', '--to', file)
  expect(exitCode).toBe(1)
  expect(stderr).toContain(`error: no room for ${file} [disk-full]`)
  expect(stderr).toContain(`hint: free space in ${small}`)
  expect(readdirSync(small)).toEqual([])
})

test('a folder that is not there', async () => {
  const file = join(scene.here.folder, 'nowhere', 'a.dump')
  const { exitCode, stderr } = await scene.here.cli('backup', 'export', 'a', '--to', file)
  expect(exitCode).toBe(5)
  expect(stderr).toContain(`error: there is no folder ${join(scene.here.folder, 'nowhere')} [target-invalid]`)
  expect(stderr).toContain('hint: make it')
})

test('a dash is no file, and no stray one is left', async () => {
  const { exitCode, stdout, stderr } = await scene.here.cli('backup', 'export', 'a', '--to', '-')
  expect([exitCode, stdout]).toEqual([5, ''])
  expect(stderr).toContain('error: - is not taken for standard output [target-invalid]')
  expect(readdirSync(scene.here.folder)).not.toContain('-')
})

test('a file that is there is not touched', async () => {
  const place = folder('taken')
  const file = join(place, 'a.dump')
  writeFileSync(file, 'mine')
  const { failure } = await exporting(file)
  expect(failure).toMatchObject({ code: 'file-exists', hint: expect.stringContaining('nothing is ever') })
  expect(readdirSync(place)).toEqual(['a.dump'])
  expect(readFileSync(file, 'utf8')).toBe('mine')
})

test('an interruption midway', async () => {
  const place = folder('interrupted')
  const controller = new AbortController()
  const watch: Watcher = {
    progress: (_subject, { bytes }) => {
      if (bytes > 300_000) controller.abort(new Failure('interrupted', 'interrupted by SIGINT'))
    },
  }
  const { failure } = await exporting(join(place, 'a.dump'), controller.signal, watch)
  expect(failure).toMatchObject({ code: 'interrupted' })
  expect(readdirSync(place)).toEqual([])
})

test('and when nothing is in the way: the very bytes of pg_dump', async () => {
  const file = join(folder('fine'), 'a.dump')
  expect(await exporting(file)).toMatchObject({ failure: null })
  execFileSync('cmp', [said, file])
  rmSync(file)
})
