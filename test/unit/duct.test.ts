// What a child writes reaches a thread whole and in order, with nobody of ours between them; nothing is left behind.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startChild } from '../../src/sys/child.js'
import { layDuct, sweepDucts } from '../../src/sys/duct.js'

const READER = `
  const { parentPort } = require('node:worker_threads')
  const hash = require('node:crypto').createHash('sha256')
  parentPort.once('message', path => {
    const input = require('node:net').connect(path)
    input.on('data', piece => hash.update(piece)).on('end', () => parentPort.postMessage(hash.digest('hex')))
  })`

const before = process.env.TMPDIR
let folder: string
let thread: Worker

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gmah-test-'))
  process.env.TMPDIR = folder
})
afterEach(async () => {
  await thread.terminate()
  if (before === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = before
  rmSync(folder, { recursive: true })
})

const reader = (code = READER): Worker => {
  thread = new Worker(code, { eval: true })
  return thread
}

test('more than the kernel holds goes through, though nobody reads it here', async () => {
  const output = await layDuct(reader(), path => thread.postMessage(path))
  const said = once(thread, 'message')
  const script = 'seq 1 700000 | tee /dev/stderr | sha256sum >"$1/sum"; seq 1 700000'
  const child = startChild('sh', {
    args: ['-c', script, 'sh', folder],
    env: { PATH: '/usr/bin:/bin' },
    output,
  })
  child.stdin.end()
  for await (const _ of child.stdout) throw new Error('it goes elsewhere')
  expect(await child.result).toMatchObject({ exitCode: 0 })
  const sum = startChild('cut', { args: ['-c', '-64', join(folder, 'sum')], env: { PATH: '/usr/bin:/bin' } })
  let wanted = ''
  for await (const piece of sum.stdout) wanted += piece
  expect(await said).toEqual([wanted.trim()])
  expect(readdirSync(folder)).toEqual(['sum'])
})

test('a child that does not start leaves the stream at its end', async () => {
  const output = await layDuct(reader(), path => thread.postMessage(path))
  const said = once(thread, 'message')
  const child = startChild('/no/such/program', { args: [], env: {}, output })
  await expect(child.result).rejects.toMatchObject({ code: 'tool-missing' })
  const nothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  expect(await said).toEqual([nothing])
})

test('a thread that ends instead of connecting is told', async () => {
  const laying = layDuct(reader('process.exit(1)'), () => {})
  await expect(laying).rejects.toMatchObject({
    code: 'unexpected',
    message: expect.stringContaining('led into a thread'),
  })
  expect(readdirSync(folder)).toEqual([])
})

test('an error in the thread is told and ends nobody else', async () => {
  const laying = layDuct(reader('throw new Error("unfit")'), () => {})
  await expect(laying).rejects.toMatchObject({ code: 'unexpected' })
  expect(readdirSync(folder)).toEqual([])
})

test('a temporary folder that is too long a path for a socket: a short one serves, closed to others, each its own', async () => {
  process.env.TMPDIR = mkdtempSync(join(folder, 'x'.repeat(100)))
  const [one, two] = [reader(), new Worker(READER, { eval: true })]
  try {
    const seen: { path: string; mode: number }[] = []
    const lay = (reading: Worker) =>
      layDuct(reading, path => {
        seen.push({ path, mode: statSync(dirname(path)).mode & 0o777 })
        reading.postMessage(path)
      })
    const outputs = await Promise.all([lay(one), lay(two)])
    const said = [one, two].map(reading => once(reading, 'message'))
    outputs.forEach((output, at) => void output.end(`dump ${at}`))
    const sums = ['dump 0', 'dump 1'].map(text => createHash('sha256').update(text).digest('hex'))
    expect(await Promise.all(said)).toEqual(sums.map(sum => [sum]))
    for (const { path, mode } of seen) {
      expect([dirname(dirname(path)), mode, existsSync(dirname(path))]).toEqual(['/tmp', 0o700, false])
    }
    expect(seen[0]?.path).not.toBe(seen[1]?.path)
    expect(readdirSync(folder)).toHaveLength(1)
  } finally {
    await two.terminate()
  }
})

test('what a killed process left in the short folder is swept too', async () => {
  const left = mkdtempSync('/tmp/gmah-duct-4194399-1-')
  await sweepDucts()
  expect(existsSync(left)).toBe(false)
  thread = reader()
})
