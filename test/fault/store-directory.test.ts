// The directory store in trouble: no root, no rights, no space, killed writers, another disk below it. Nothing half, nothing silent.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { directoryStore } from '../../src/store/directory.js'
import { fileFailure } from '../../src/store/file-errors.js'
import type { Store } from '../../src/store/port.js'
import { systemClock } from '../../src/sys/clock.js'
import { keysOf } from '../contract/store-samples.js'
import { failureOf } from '../kit/failing.js'

let top: string
let path: string
let store: Store

const open = (where: string, create = false) => directoryStore({ path: where, clock: systemClock, create })
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'gmah-directory-'))
  path = join(top, 'store')
  await mkdir(path)
  store = open(path)
})
afterEach(() => rm(top, { recursive: true, force: true }))

describe('a root that is not there', () => {
  it('is store-missing in every operation, and is never made', async () => {
    const missing = open(join(top, 'nothing', 'here'))
    const x = Buffer.from('x')
    expect((await failureOf(missing.put('a', x))).code).toBe('store-missing')
    expect((await failureOf(missing.put('a', x, { when: 'absent' }))).code).toBe('store-missing')
    expect((await failureOf(missing.get('a'))).code).toBe('store-missing')
    expect((await failureOf(missing.head('a'))).code).toBe('store-missing')
    expect((await failureOf(missing.delete('a'))).code).toBe('store-missing')
    expect((await failureOf(keysOf(missing.list('')))).code).toBe('store-missing')
    expect(await readdir(top)).toEqual(['store'])
  })

  it('is made when that was asked for', async () => {
    await open(join(top, 'new', 'store'), true).put('a', Buffer.from('x'))
    expect(await readdir(join(top, 'new', 'store'))).toContain('a')
  })

  it('is store-missing when a file stands there', async () => {
    await writeFile(join(top, 'file'), '')
    expect((await failureOf(open(join(top, 'file')).get('a'))).code).toBe('store-missing')
  })

  it('is noticed when it goes while we run, and when an empty one takes its place: no empty listing, no new tree', async () => {
    await store.put('a/b', Buffer.from('x'))
    await rename(path, join(top, 'unmounted'))
    expect((await failureOf(keysOf(store.list('')))).code).toBe('store-missing')
    await mkdir(path)
    expect((await failureOf(keysOf(store.list('')))).code).toBe('store-missing')
    expect((await failureOf(store.head('a/b'))).code).toBe('store-missing')
    expect((await failureOf(store.put('a/c', Buffer.from('x')))).code).toBe('store-missing')
    expect(await readdir(path)).toEqual([])
    await rm(path, { recursive: true })
    await rename(join(top, 'unmounted'), path)
    expect(await keysOf(store.list(''))).toEqual(['a/b'])
  })
})

describe('what other hands left', () => {
  it('private files of killed writers are in no listing, and go once they are old', async () => {
    const { etag } = await store.put('a', Buffer.from('w'))
    await store.put('a', Buffer.from('x'), { when: { etag } })
    const place = join(path, '.tmp-gmah-backup')
    await writeFile(join(place, 'old.part'), 'half')
    await writeFile(join(place, 'young.part'), 'half')
    const hoursAgo = Date.now() / 1000 - 2 * 3600
    for (const name of ['old.part', 'lock']) await utimes(join(place, name), hoursAgo, hoursAgo)
    expect(await keysOf(store.list(''))).toEqual(['a'])
    await open(path).put('b', Buffer.from('x'))
    expect(await keysOf(store.list(''))).toEqual(['a', 'b'])
    expect((await readdir(place)).filter(name => name.endsWith('.part'))).toEqual(['young.part'])
    // Who holds it, and who asks for it next, must mean the same file.
    expect(await readdir(place)).toContain('lock')
  })

  it('what stood in the way once is in nobody’s way when it is gone', async () => {
    await writeFile(join(path, '.tmp-gmah-backup'), 'in the way')
    expect((await failureOf(store.put('a', Buffer.from('x')))).code).toBe('store-refused')
    await rm(join(path, '.tmp-gmah-backup'))
    await store.put('a', Buffer.from('x'))
    expect(await keysOf(store.list(''))).toEqual(['a'])
  })

  it('empty directories are no folders', async () => {
    await mkdir(join(path, 'empty', 'deeper'), { recursive: true })
    await store.put('full/a', Buffer.from('x'))
    const names = []
    for await (const name of store.folders('')) names.push(name)
    expect(names).toEqual(['full/'])
  })

  it('symbolic links and special files end a listing loudly, and are not read', async () => {
    await store.put('a', Buffer.from('x'))
    await symlink('/etc', join(path, 'link'))
    expect((await failureOf(keysOf(store.list('')))).code).toBe('store-refused')
    await rm(join(path, 'link'))
    await symlink('/etc/hostname', join(path, 'name'))
    expect((await failureOf(store.get('name'))).code).toBe('store-refused')
  })

  it('a key that is a directory is no object', async () => {
    await store.put('a/b', Buffer.from('x'))
    expect(await store.head('a')).toBeNull()
    expect((await failureOf(store.get('a'))).code).toBe('object-missing')
    expect((await failureOf(store.get('a/b/c'))).code).toBe('object-missing')
    expect((await failureOf(store.put('a', Buffer.from('y')))).code).toBe('store-refused')
    expect((await failureOf(store.put('a/b/c', Buffer.from('y')))).code).toBe('store-refused')
    expect(await keysOf(store.list(''))).toEqual(['a/b'])
  })
})

describe('a writer killed with -9 at any instant', () => {
  it('leaves whole objects or none', async () => {
    const script = `
      import { directoryStore } from '${new URL('../../dist/src/store/directory.js', import.meta.url)}'
      import { systemClock } from '${new URL('../../dist/src/sys/clock.js', import.meta.url)}'
      const store = directoryStore({ path: process.argv[1], clock: systemClock })
      for (let n = 0; ; n++) {
        await Promise.all(['a', 'b', 'c'].map(one => store.put(one + '/' + (n % 7), Buffer.alloc(300_000, n % 256))))
        if (n === 0) process.stdout.write('writing')
      }`
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      await new Promise(resolve => setTimeout(resolve, round * 7))
      child.kill('SIGKILL')
      await once(child, 'exit')
      for (const key of await keysOf(open(path).list(''))) {
        const { body } = await open(path).get(key)
        expect(body.length).toBe(300_000)
        expect(body.every(byte => byte === body[0])).toBe(true)
      }
    }
  })
})

describe.skipIf(process.getuid?.() !== 0)('as an ordinary user', () => {
  const asNobody = async <T>(call: () => Promise<T>): Promise<T> => {
    process.seteuid?.(65_534)
    try {
      return await call()
    } finally {
      process.seteuid?.(0)
    }
  }

  it('is denied what it may not write, read or list, with a hint', async () => {
    await store.put('a/b', Buffer.from('x'))
    await chmod(top, 0o755)
    await chmod(path, 0o755)
    const other = open(path)
    const put = await asNobody(() => failureOf(other.put('new', Buffer.from('x'))))
    expect(put).toMatchObject({ code: 'store-denied', facts: { errno: 'EACCES' } })
    expect(put.hint).toContain('owner')
    expect((await asNobody(() => failureOf(other.get('a/b')))).code).toBe('store-denied')
    expect((await asNobody(() => failureOf(other.delete('a/b')))).code).toBe('store-denied')
    expect((await asNobody(() => failureOf(keysOf(other.list(''))))).code).toBe('store-denied')
    expect(await keysOf(store.list(''))).toEqual(['a/b'])
  })

  it('can read a store that it cannot write', async () => {
    await store.put('a', Buffer.from('x'))
    await chmod(top, 0o755)
    await chmod(path, 0o755)
    await chmod(join(path, 'a'), 0o644)
    expect((await asNobody(() => open(path).get('a'))).body).toHaveLength(1)
  })

  it("keeps objects from other users' eyes", async () => {
    await store.put('a/b', Buffer.from('x'))
    expect((await stat(join(path, 'a'))).mode & 0o077).toBe(0)
    expect((await stat(join(path, 'a/b'))).mode & 0o077).toBe(0)
  })
})

async function run(command: string, ...args: string[]): Promise<boolean> {
  const [code] = await once(
    spawn(command, args, { stdio: 'ignore' }).on('error', () => {}),
    'exit',
  ).catch(() => [1])
  return code === 0
}

describe('a full disk', () => {
  it('is store-full, leaves what was there, and works again when there is room', async ({ skip }) => {
    const disk = join(top, 'disk')
    await mkdir(disk)
    if (!(await run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', disk)))
      return skip('mounting is not allowed here')
    try {
      const full = open(disk)
      await full.put('kept', Buffer.alloc(500_000, 'k'))
      for (const when of [undefined, 'absent'] as const) {
        const failure = await failureOf(full.put('more', Buffer.alloc(900_000), when ? { when } : {}))
        expect(failure).toMatchObject({ code: 'store-full', facts: { errno: 'ENOSPC' } })
      }
      expect((await failureOf(full.put('kept', Buffer.alloc(900_000)))).code).toBe('store-full')
      expect(await keysOf(full.list(''))).toEqual(['kept'])
      expect((await full.get('kept')).body).toHaveLength(500_000)
      await full.put('small', Buffer.alloc(1_000))
    } finally {
      await run('umount', disk)
    }
  })
})

describe('errno codes', () => {
  const said = (code: string) => fileFailure(Object.assign(new Error('x'), { code }), 'write a').code
  it.each([
    ['ENOSPC', 'store-full'],
    ['EDQUOT', 'store-full'],
    ['EACCES', 'store-denied'],
    ['EROFS', 'store-denied'],
    ['EIO', 'store-unreachable'],
    ['ESTALE', 'store-unreachable'],
    ['EMFILE', 'store-busy'],
    ['EXDEV', 'store-refused'],
  ])('%s is %s', (code, expected) => expect(said(code)).toBe(expected))

  it('what has a code of ours already keeps it', () => {
    const failure = new Failure('store-busy', 'another process holds the lock')
    expect(fileFailure(failure, 'write a')).toBe(failure)
  })
})
