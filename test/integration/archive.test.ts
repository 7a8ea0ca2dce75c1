// A month's archives on a real platform, opened with stock programs alone, and every way of ours into them.
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { encodeTenant } from '../../src/domain/subject.js'
import { generateIdentity } from '../../src/seal/age-keys.js'
import { applicationFile, archiveMonth, sumsBelow, unpack } from '../kit/archives.js'
import { type Cluster, startCluster, temporaryFolder } from '../kit/cluster.js'
import { editConfig } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'
import { seedPlatform } from '../kit/platform/seed.js'

const ODD = 'Łódź "Śródmieście" & Co'
const MONTH = '2026-12'

const FILES: Record<string, Buffer> = {
  'documents/contract.pdf': randomBytes(300_000),
  'documents/empty': Buffer.alloc(0),
  'documents/Größe/日本語 \u{1f600}.txt': Buffer.from('unicode'),
  'documents/line\nbreak \\ and "quotes".txt': Buffer.from('odd'),
  [`uploads/${'d'.repeat(200)}/${'e'.repeat(200)}/${'f'.repeat(250)}`]: Buffer.from('long'),
  'uploads/-rf': Buffer.from('an option?'),
  'exports/2026.zip': randomBytes(9_000_000),
}

let cluster: Cluster
let here: Installation
let folder: { path: string; remove(): Promise<void> }

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme', ODD], megabytesPerTenant: 0.5 })
  here = await install(cluster.target, {
    config: { dump: { cutter: { min: '16KiB', average: '64KiB', max: '256KiB' } } },
  })
  folder = await temporaryFolder()
  for (const [name, content] of Object.entries(FILES)) applicationFile(here, `tenants/acme/${name}`, content)
  applicationFile(here, 'tenants/acme/private/not-ours.txt', 'no')
  applicationFile(here, `tenants/${encodeTenant(ODD)}/documents/one.txt`, 'one')
  expect((await here.night()).run.outcome).toBe('succeeded')
  const { run, failure } = await archiveMonth(here, MONTH)
  expect([failure, run.outcome, run.facts]).toEqual([
    null,
    'succeeded',
    { archived: 3, skipped: 0, failed: 0, missing: 0 },
  ])
})

afterAll(async () => {
  await here.remove()
  await folder.remove()
  await cluster.stop()
})

const archiveFile = (subject: string, name = MONTH) =>
  join(here.storeFolder, subject, 'archives', `${name}.tar.zst.age`)
const sha256 = (body: Uint8Array | string) => createHash('sha256').update(body).digest('hex')

const quoteIfNeeded = (role: string) => (/^[a-z_]+$/.test(role) ? role : `"${role.replaceAll('"', '""')}"`)

describe('with stock programs', () => {
  it.each(['tar', 'bsdtar'] as const)('%s opens it, and every sum holds', async tar => {
    const into = join(folder.path, `by-${tar}`)
    await unpack(archiveFile('tenants/acme'), { identity: here.recoveryIdentityFile, into, tar })
    const found = sumsBelow(into)
    for (const [name, content] of Object.entries(FILES))
      expect([name, found[name]]).toEqual([name, sha256(content)])
    expect(
      Object.keys(found)
        .filter(name => !name.includes('/'))
        .sort(),
    ).toEqual(['README.txt', 'SHA256SUMS', 'database.dump', 'globals.sql', 'manifest.json'].sort())
    expect(Object.keys(found)).toHaveLength(5 + Object.keys(FILES).length)
  })

  it('the dump inside is byte-identical to that of the night, and restores to an equal database', async () => {
    const into = join(folder.path, 'by-tar')
    const plain = join(folder.path, 'night.dump')
    expect((await here.cli('backup', 'export', 'acme', '--to', plain)).exitCode).toBe(0)
    expect(sha256(readFileSync(join(into, 'database.dump')))).toBe(sha256(readFileSync(plain)))
    const { host, port, user } = cluster.target
    const env = { PGHOST: host, PGPORT: String(port), PGUSER: user ?? '' }
    await execa('createdb', ['--template', 'template0', 'by_hand'], { env })
    const restore = [
      '--exit-on-error',
      '--single-transaction',
      '--dbname',
      'by_hand',
      join(into, 'database.dump'),
    ]
    await execa('pg_restore', restore, { env })
    const counts = (database: string) =>
      cluster.sql(
        database,
        `SELECT relname, (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %I.%I', nspname, relname), false, true, '')))[1]::text AS rows
        FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' ORDER BY nspname, relname`,
      )
    const live = await counts('gmah_org_acme')
    expect(live.length).toBeGreaterThan(5)
    expect(await counts('by_hand')).toEqual(live)
  })

  it('says in two languages how, which roles, and of what it is', async () => {
    const into = join(folder.path, 'by-tar')
    const readme = readFileSync(join(into, 'README.txt'), 'utf8')
    expect(readme).toContain('age -d -i identity.txt')
    expect(readme).toContain('COMMENT RETROUVER LA BASE')
    const manifest = JSON.parse(readFileSync(join(into, 'manifest.json'), 'utf8'))
    const globals = readFileSync(join(into, 'globals.sql'), 'utf8')
    const own = manifest.backup.dump.roles.filter((role: string) => !role.startsWith('pg_'))
    for (const role of own) expect(globals).toContain(`CREATE ROLE ${quoteIfNeeded(role)};`)
    expect(globals).not.toContain('not in the backup')
    expect(manifest.files).toEqual({
      folders: ['documents', 'uploads', 'exports'],
      count: Object.keys(FILES).length,
      bytes: Object.values(FILES).reduce((sum, one) => sum + one.length, 0),
    })
  })

  it('a tenant whose name is odd, and the master, which has no files', async () => {
    const odd = join(folder.path, 'odd')
    await unpack(archiveFile(`tenants/${encodeTenant(ODD)}`), {
      identity: here.recoveryIdentityFile,
      into: odd,
    })
    expect(readFileSync(join(odd, 'documents/one.txt'), 'utf8')).toBe('one')
    const master = join(folder.path, 'master')
    await unpack(archiveFile('platform/master'), {
      identity: join(here.folder, 'operational.txt'),
      into: master,
    })
    expect(Object.keys(sumsBelow(master))).toHaveLength(5)
  })
})

describe('with ours', () => {
  it('lists, shows, extracts and verifies', async () => {
    const list = await here.cli('archive', 'list')
    expect(list.stdout).toMatch(/acme +2026-12 /)
    const shown = await here.cli('archive', 'show', 'acme')
    expect(shown.stdout).toContain('documents/contract.pdf')
    const to = join(folder.path, 'contract.pdf')
    const extracted = await here.cli(
      'archive',
      'extract',
      'acme',
      MONTH,
      'documents/contract.pdf',
      '--to',
      to,
    )
    expect([extracted.exitCode, extracted.stderr]).toEqual([0, ''])
    expect(sha256(readFileSync(to))).toBe(sha256(FILES['documents/contract.pdf'] ?? ''))
    const again = await here.cli('archive', 'extract', 'acme', MONTH, 'documents/contract.pdf', '--to', to)
    expect(again.exitCode).toBe(5)
    const none = await here.cli('archive', 'extract', 'acme', MONTH, 'documents/none', '--to', `${to}2`)
    expect([none.exitCode, none.stderr]).toEqual([4, expect.stringContaining('member-unknown')])
    const verified = await here.cli('archive', 'verify', 'acme', '--json')
    expect(JSON.parse(verified.stdout)).toMatchObject({ archive: MONTH, indexed: true, members: 5 + 7 })
    expect((await here.cli('archive', 'show', 'acme', '2026-11')).exitCode).toBe(4)
  })

  it('never replaces: a run again passes over it, one asked for gets a suffix', async () => {
    const before = readFileSync(archiveFile('tenants/acme'))
    expect((await archiveMonth(here, MONTH)).run.facts).toMatchObject({ archived: 0, skipped: 3 })
    const made = await here.cli('archive', 'create', 'acme', '--month', MONTH, '--json')
    expect([made.exitCode, JSON.parse(made.stdout).name]).toEqual([0, '2026-12-2'])
    expect(readFileSync(archiveFile('tenants/acme')).equals(before)).toBe(true)
    expect(existsSync(archiveFile('tenants/acme', '2026-12-2'))).toBe(true)
  })

  it('without its index an archive still opens, and says so', async () => {
    rmSync(join(here.storeFolder, 'tenants/acme/archives/2026-12-2.json.age'))
    expect((await here.cli('archive', 'list', 'acme')).stdout).toContain('no index')
    const to = join(folder.path, 'slowly.zip')
    const extracted = await here.cli(
      'archive',
      'extract',
      'acme',
      '2026-12-2',
      'exports/2026.zip',
      '--to',
      to,
    )
    expect([extracted.exitCode, extracted.stderr]).toEqual([0, ''])
    expect(sha256(readFileSync(to))).toBe(sha256(FILES['exports/2026.zip'] ?? ''))
    expect((await here.cli('archive', 'verify', 'acme', '2026-12-2')).stdout).toContain('is sound')
  })

  it('restores the database out of it, with and without an index, proven', async () => {
    const restored = await here.cli(
      'restore',
      'acme',
      '--as',
      'from_archive',
      '--from-archive',
      MONTH,
      '--json',
    )
    expect([restored.exitCode, restored.stderr]).toEqual([0, ''])
    expect(JSON.parse(restored.stdout)).toMatchObject({
      database: 'from_archive',
      proof: { differences: [] },
    })
    const slowly = await here.cli('restore', 'acme', '--as', 'slowly', '--from-archive', '2026-12-2')
    expect([slowly.exitCode, slowly.stdout]).toEqual([0, expect.stringContaining('are equal to the backup')])
    const both = await here.cli('restore', 'acme', '--as', 'x', '--from-archive', '--backup', 'abcd')
    expect(both.exitCode).toBe(2)
  })

  it('says of one that does not open to its end that it is not sound, also in the journal', async () => {
    const file = archiveFile('tenants/acme', '2026-12-2')
    const bytes = readFileSync(file)
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1
    writeFileSync(file, bytes)
    const verified = await here.cli('archive', 'verify', 'acme', '2026-12-2')
    expect([verified.exitCode, verified.stderr]).toEqual([8, expect.stringContaining('[object-corrupt]')])
    expect(here.events('archive-verified').at(-1)).toMatchObject({
      subject: 'tenants/acme',
      facts: { archive: '2026-12-2', problems: [expect.any(String)] },
    })
  })
})

test('sealed for a key that is kept elsewhere, nothing here opens it, the recovery key neither; that key does', async () => {
  const offline = generateIdentity()
  const keyFile = join(folder.path, 'archive-key.txt')
  writeFileSync(keyFile, `${offline.identity}\n`, { mode: 0o600 })
  editConfig(here, config => {
    config.archives = { recipients: [offline.recipient] }
  })
  expect((await here.cli('archive', 'create', 'acme', '--month', '2027-01')).exitCode).toBe(0)
  const to = join(folder.path, 'offline.pdf')
  const words = ['archive', 'extract', 'acme', '2027-01', 'documents/contract.pdf', '--to', to]
  for (const own of [[], ['--identity', here.recoveryIdentityFile]]) {
    const refused = await here.cli(...own, ...words)
    expect([refused.exitCode, refused.stderr]).toEqual([9, expect.stringContaining('[key-wrong]')])
    expect(refused.stderr).toContain('add --identity and the file of the archive key')
  }
  const opened = await here.cli('--identity', keyFile, ...words)
  expect([opened.exitCode, opened.stderr]).toEqual([0, ''])
  expect(sha256(readFileSync(to))).toBe(sha256(FILES['documents/contract.pdf'] ?? ''))
})
