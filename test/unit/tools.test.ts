// Which pg_dump is taken for which server; the candidates are tiny real programs that say a version.
import { chmod, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findTool, listTools, majorOf, parseToolVersion } from '../../src/postgres/tools.js'
import { temporaryFolder } from '../kit/cluster.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder.remove())

async function install(place: string, versions: Record<string, string>): Promise<string> {
  const home = join(folder.path, place)
  await mkdir(home)
  for (const [name, version] of Object.entries(versions)) {
    await writeFile(join(home, name), `#!/bin/sh\necho "${version}"\n`)
    await chmod(join(home, name), 0o755)
  }
  return home
}

test.each([
  ['pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n', 15, 18],
  ['pg_dump (PostgreSQL) 16beta1\n', 16, 0],
  ['pg_restore (PostgreSQL) 18devel', 18, 0],
  ['initdb (PostgreSQL) 12.22', 12, 22],
])('%j is %i.%i', (said, major, minor) => {
  expect(parseToolVersion(said)).toMatchObject({ major, minor })
})

test.each(['', 'pg_dump 15.18', 'pg_dump (PostgreSQL) new', 'GNU coreutils 9.1'])(
  '%j is no version',
  said => {
    expect(parseToolVersion(said)).toBeNull()
  },
)

test('the major of a server version number', () => {
  expect([majorOf(150018), majorOf(120000), majorOf(180001)]).toEqual([15, 12, 18])
})

test('the exact major is taken, else the lowest newer one, the newest minor of it', async () => {
  const path = [
    await install('a', { pg_dump: 'pg_dump (PostgreSQL) 17.4' }),
    await install('b', { pg_dump: 'pg_dump (PostgreSQL) 97.1' }),
    await install('c', { pg_dump: 'pg_dump (PostgreSQL) 98.2' }),
    await install('d', { pg_dump: 'pg_dump (PostgreSQL) 98.10' }),
  ]
  expect(await findTool('pg_dump', 97, { path })).toMatchObject({ version: '97.1' })
  expect(await findTool('pg_dump', 98, { path })).toMatchObject({ version: '98.10', major: 98, minor: 10 })
  expect(await findTool('pg_dump', 96, { path })).toMatchObject({ version: '97.1' })
})

test('a program is asked for its version once, and anew when it is another file', async () => {
  const directory = await install('upgraded', {})
  const calls = join(directory, 'calls')
  const place = async (version: string): Promise<void> => {
    const next = join(directory, 'next')
    await writeFile(next, `#!/bin/sh\necho asked >>'${calls}'\necho 'pg_dump (PostgreSQL) ${version}'\n`)
    await chmod(next, 0o755)
    await rename(next, join(directory, 'pg_dump'))
  }
  const versions = async () => {
    const twice = [await listTools('pg_dump', { directory }), await listTools('pg_dump', { directory })]
    return twice.flat().map(tool => tool.version)
  }
  await place('15.1')
  expect(await versions()).toEqual(['15.1', '15.1'])
  await place('15.2')
  expect(await versions()).toEqual(['15.2', '15.2'])
  expect(await readFile(calls, 'utf8')).toBe('asked\nasked\n')
})

test('a configured folder is the only place; absent, too old and broken tools are told apart', async () => {
  const directory = await install('configured', {
    pg_dump: 'pg_dump (PostgreSQL) 14.2',
    pg_restore: 'nonsense',
  })
  await expect(findTool('pg_dump', 15, { directory })).rejects.toMatchObject({
    code: 'tool-too-old',
    message: expect.stringContaining('pg_dump (14.2)'),
    hint: expect.stringContaining('postgresql-client-15'),
  })
  await expect(findTool('pg_restore', 15, { directory })).rejects.toMatchObject({ code: 'tool-missing' })
  await expect(findTool('pg_dumpall', 15, { directory })).rejects.toMatchObject({ code: 'tool-missing' })
  await expect(findTool('initdb', 15, { directory })).rejects.toMatchObject({
    hint: expect.stringMatching(/postgresql-15\b/),
  })
})

test("Debian's wrapper is passed over", async () => {
  const directory = await install('debian', { pg_wrapper: 'pg_dump (PostgreSQL) 15.1' })
  await symlink('pg_wrapper', join(directory, 'pg_dump'))
  expect(await listTools('pg_dump', { directory })).toEqual([])
})

test('the real ones are found', async () => {
  const tools = await listTools('pg_dump')
  expect(tools.length).toBeGreaterThan(0)
  expect(tools[0]?.path).toMatch(/^\/usr\/lib\/postgresql\/\d+\/bin\/pg_dump$/)
})
