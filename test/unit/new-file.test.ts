// A new file for an operator: whole and on disk before it has its name, never over another one, nothing left of a half.
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { checkNewFile, writeNewFile } from '../../src/sys/new-file.js'
import { failureOf } from '../kit/failing.js'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gmah-new-file-'))
  file = join(folder, 'acme.dump')
})

afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

async function* parts(...texts: (string | Failure)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    if (text instanceof Failure) throw text
    yield Buffer.from(text)
  }
}

test('it has its name only when all of it is on disk, and its owner alone reads it', async () => {
  const handle = await open(folder)
  const prototype: FileHandle = Object.getPrototypeOf(handle)
  await handle.close()
  const { sync } = prototype
  const synced: unknown[] = []
  vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    synced.push([readlinkSync(`/proc/self/fd/${this.fd}`), (await this.stat()).size, existsSync(file)])
    return sync.call(this)
  })
  await writeNewFile(file, 'one', parts('ab', 'cd'))
  expect(synced).toEqual([[`${file}.one.partial`, 4, false]])
  expect(readFileSync(file, 'utf8')).toBe('abcd')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['acme.dump'])
})

test('another one that is there, or comes meanwhile, stays as it is', async () => {
  const meanwhile = async function* () {
    yield Buffer.from('ours')
    writeFileSync(file, 'theirs')
  }
  for (const source of [meanwhile(), parts('ours')]) {
    expect((await failureOf(writeNewFile(file, 'one', source))).code).toBe('file-exists')
    expect(readFileSync(file, 'utf8')).toBe('theirs')
    expect(readdirSync(folder)).toEqual(['acme.dump'])
  }
  expect((await failureOf(checkNewFile(file))).code).toBe('file-exists')
})

test('nothing is left of what broke off, and its own failure is told', async () => {
  const broken = writeNewFile(file, 'one', parts('half', new Failure('object-corrupt', 'a chunk')))
  expect((await failureOf(broken)).code).toBe('object-corrupt')
  const full = async function* () {
    yield Buffer.from('half')
    throw Object.assign(new Error('EDQUOT: over quota'), { code: 'EDQUOT' })
  }
  expect((await failureOf(writeNewFile(file, 'one', full()))).code).toBe('disk-full')
  expect(readdirSync(folder)).toEqual([])
})

test('a folder that is not there is named, before anything is fetched', async () => {
  const nowhere = join(folder, 'no', 'where')
  expect((await failureOf(checkNewFile(nowhere))).code).toBe('target-invalid')
  expect((await failureOf(writeNewFile(nowhere, 'one', parts('x')))).code).toBe('target-invalid')
  await checkNewFile(file)
})
