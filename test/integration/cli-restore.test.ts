// `restore`, `backup export` and `catalogue rebuild`: every way to say which backup, every refusal, and a server that
// has nothing: neither roles nor a catalogue.
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Manifest } from '../../src/domain/manifest.js'
import { findTool } from '../../src/postgres/tools.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { contentHash } from '../kit/content-hash.js'
import { type Installation, install } from '../kit/installation.js'
import { churn } from '../kit/platform/churn.js'
import { seedPlatform, tenantDatabase } from '../kit/platform/seed.js'

const ODD = `Söhne "&" O'Reilly`
let cluster: Cluster
let bare: Cluster
let here: Installation
/** The same installation, but for the server: as after a disaster. */
let there: string
let first: Manifest
let second: Manifest

const backedUp = async (name: string): Promise<Manifest> => {
  const { report } = await here.night({ names: [name] })
  return report?.succeeded[0] as Manifest
}

beforeAll(async () => {
  ;[cluster, bare] = await Promise.all([startCluster(), startCluster()])
  await seedPlatform(cluster.target, { tenants: ['acme', ODD], megabytesPerTenant: 0.3 })
  here = await install(cluster.target)
  await here.night()
  first = await backedUp('acme')
  await churn(cluster.target, 'acme', 0.1)
  second = await backedUp('acme')
  there = join(here.folder, 'there.yaml')
  const text = readFileSync(here.configFile, 'utf8')
  writeFileSync(
    there,
    text.replace(cluster.target.host, bare.target.host).replace('directory: state', 'directory: state2'),
    {
      mode: 0o600,
    },
  )
})

afterAll(async () => {
  await here.remove()
  await Promise.all([cluster.stop(), bare.stop()])
})

const json = async (...args: string[]) => {
  const { stdout, stderr, exitCode } = await here.cli('--json', ...args)
  expect(stderr).toBe('')
  return { exitCode, value: JSON.parse(stdout) }
}
const databases = async (on: Cluster) =>
  (await on.sql<{ datname: string }>('postgres', 'SELECT datname FROM pg_database')).map(row => row.datname)

describe('restore', () => {
  test('says what it proved and what to type next, in words that a shell takes', async () => {
    const { exitCode, stdout } = await here.cli('restore', ODD, '--as', `${ODD} again`)
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^proven: \d+ tables, [\d ]+ rows, .* are equal to the backup$/m)
    const [, look] = /^look at it: (psql .*)$/m.exec(stdout) as RegExpExecArray
    const [, drop] = /^drop it: {4}(dropdb .*)$/m.exec(stdout) as RegExpExecArray
    const { path } = await findTool('pg_dump', Number.parseInt(cluster.version, 10), {})
    const shell = (command: string) =>
      execa('bash', ['-c', command], { env: { PATH: `${join(path, '..')}:/usr/bin:/bin` } })
    expect((await shell(`${look} -Atc 'SELECT current_database()'`)).stdout).toBe(`${ODD} again`)
    expect(await contentHash(cluster, `${ODD} again`)).toEqual(
      await contentHash(cluster, tenantDatabase(ODD)),
    )
    await shell(drop as string)
    expect(await databases(cluster)).not.toContain(`${ODD} again`)
  })

  test('takes the newest, an id, its beginning, or an instant', async () => {
    const which = async (...args: string[]) => {
      const { exitCode, value } = await json('restore', 'acme', '--as', 'which', ...args)
      expect(exitCode, JSON.stringify(value)).toBe(0)
      expect(value.proof.differences).toEqual([])
      await cluster.sql('postgres', 'DROP DATABASE which')
      return value.backup
    }
    expect(await which()).toBe(second.backup)
    expect(await which('--backup', first.backup)).toBe(first.backup)
    expect(await which('--backup', first.backup.slice(0, 7))).toBe(first.backup)
    expect(await which('--backup', first.instant)).toBe(first.backup)
    expect(await which('--backup', '2099-01-01T00:00:00Z')).toBe(second.backup)
  })

  test.each([
    [['nobody', '--as', 'x'], 4, 'backup-unknown', 'gmah-backup tenants'],
    [['acme', '--as', 'x', '--backup', 'ffffffffffff'], 4, 'backup-unknown', 'gmah-backup backups acme'],
    [[ODD, '--as', 'x', '--backup', 'ffffffffffff'], 4, 'backup-unknown', `backups 'Söhne "&" O'\\''Reilly'`],
    [['acme', '--as', 'x', '--backup', '2001-01-01T00:00:00Z'], 4, 'backup-unknown', 'backups acme'],
    [['acme', '--as', 'x', '--backup', 'yesterday'], 2, 'usage', '2026-11-23T02:00:00Z'],
    [['acme', '--as', 'gmah_org_acme'], 5, 'target-exists', '--as'],
    [['acme', '--as', 'x'.repeat(64)], 5, 'target-invalid', '63 bytes'],
    [['platform/globals', '--as', 'x'], 2, 'usage', 'backup export platform/globals --to'],
  ])('%j is refused with %i %s, and nothing is left', async (args, exit, code, hint) => {
    const before = await databases(cluster)
    const { exitCode, value } = await json('restore', ...args)
    expect([exitCode, value.error.code]).toEqual([exit, code])
    expect(value.error.hint).toContain(hint)
    expect(await databases(cluster)).toEqual(before)
    expect(here.app.journal.runs()[0]).toMatchObject({ outcome: 'failed', error: { code } })
  })
})

describe('on a server and a disk that know nothing, with the recovery key', () => {
  test('the catalogue comes back from the store, then the tenant with its roles', async () => {
    const cli = (...args: string[]) =>
      here.cli('--config', there, '--identity', here.recoveryIdentityFile, ...args)
    rmSync(join(here.folder, 'state2'), { recursive: true, force: true })
    expect((await cli('backups')).stdout).toContain('type `gmah-backup catalogue rebuild`')
    expect((await cli('catalogue', 'rebuild')).stdout).toMatch(/^\d+ backups of 4 subjects$/)
    expect((await cli('backups', 'acme')).stdout).toContain(second.backup)

    const refused = await cli('restore', 'acme', '--as', 'acme')
    expect(refused.exitCode).toBe(5)
    expect(refused.stderr).toMatch(
      /lacks the roles .*gmah_owner.*\[roles-missing\]\n {2}hint: add --with-roles/,
    )
    expect(await databases(bare)).not.toContain('acme')

    const { exitCode, stdout } = await cli('restore', 'acme', '--as', 'acme', '--with-roles')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^created roles: .*gmah_owner/m)
    expect(await contentHash(bare, 'acme')).toEqual(await contentHash(cluster, tenantDatabase('acme')))
  })
})

describe('backup export', () => {
  test('writes the whole stream, private, says its SHA-256, and pg_restore reads it', async () => {
    const file = join(here.folder, 'acme.dump')
    const { exitCode, stdout } = await here.cli('backup', 'export', 'acme', '--to', file)
    expect(exitCode).toBe(0)
    const bytes = readFileSync(file)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(stdout).toContain(`backup ${second.backup}, sha256 ${sha256}`)
    expect(bytes).toHaveLength(second.stream.bytes)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const { path } = await findTool('pg_restore', Number.parseInt(cluster.version, 10), {})
    expect((await execa(path, ['-l', file])).stdout).toContain('TABLE DATA public contracts')
  })

  test('never overwrites, and leaves nothing half', async () => {
    const file = join(here.folder, 'kept.dump')
    writeFileSync(file, 'mine')
    const { exitCode, value } = await json('backup', 'export', 'acme', '--to', file)
    expect([exitCode, value.error.code]).toEqual([5, 'file-exists'])
    expect(readFileSync(file, 'utf8')).toBe('mine')
    const nowhere = await json('backup', 'export', 'acme', '--to', join(here.folder, 'no/such/x.dump'))
    expect([nowhere.exitCode, nowhere.value.error.code]).toEqual([5, 'target-invalid'])
    expect(nowhere.value.error.message).toContain('there is no folder')
    expect(readdirSync(here.folder).filter(name => name.includes('partial'))).toEqual([])
  })

  test('of a damaged chunk nothing appears under the name: 8', async () => {
    const chunks = join(here.storeFolder, 'tenants/acme/backups/chunks')
    const id = second.chunks[0]?.id as string
    const chunk = join(chunks, id.slice(0, 2), id)
    const sound = readFileSync(chunk)
    const damaged = Buffer.from(sound)
    damaged[damaged.length - 20] = (damaged[damaged.length - 20] as number) ^ 1
    chmodSync(chunk, 0o600)
    writeFileSync(chunk, damaged)
    const file = join(here.folder, 'damaged.dump')
    const { exitCode, stdout, stderr } = await here.cli('backup', 'export', 'acme', '--to', file)
    writeFileSync(chunk, sound)
    expect([exitCode, stdout]).toEqual([8, ''])
    expect(stderr).toContain('[object-corrupt]')
    expect(existsSync(file)).toBe(false)
    expect(readdirSync(here.folder).filter(name => name.includes('partial'))).toEqual([])
  })
})
