// The commands that look, and those that keep the house: help, config, tenants, backups, runs, schedules, keys, catalogue.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EXIT } from '../../src/domain/errors.js'
import { CATALOGUE_MIGRATIONS } from '../../src/repository/catalogue.js'
import { openSqlite } from '../../src/sys/sqlite.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { CLI, type Installation, install } from '../kit/installation.js'
import { seedPlatform } from '../kit/platform/seed.js'

let cluster: Cluster
let here: Installation

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme', '東京'], megabytesPerTenant: 0.3 })
  here = await install(cluster.target, { config: { postgres: { ...cluster.target, password: 'hunter2' } } })
  await here.night()
  await here.night({ names: ['acme'] })
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

const json = async (...args: string[]) => {
  const { stdout, stderr, exitCode } = await here.cli('--json', ...args)
  expect(stderr).toBe('')
  return { exitCode, value: JSON.parse(stdout) }
}

const bare = (args: string[], cwd = here.folder) =>
  execa('node', [CLI, ...args], { reject: false, stdin: 'ignore', cwd, env: { GMAH_BACKUP_CONFIG: '' } })

describe('help', () => {
  test('without a command it is shown, and that is wrong usage', async () => {
    const { exitCode, stdout, stderr } = await bare([])
    expect([exitCode, stdout]).toEqual([EXIT.usage, ''])
    for (const name of [
      'daemon',
      'config',
      'tenants',
      'backup',
      'backups',
      'restore',
      'runs',
      'schedules',
      'keys',
      'catalogue',
    ])
      expect(stderr).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
    for (const status of Object.values(EXIT)) expect(stderr).toMatch(new RegExp(`\\b${status} `))
  })

  test.each([
    ['--help'],
    ['backup', '--help'],
    ['backup', 'export', '--help'],
    ['help', 'restore'],
    ['keys', 'rotate', '--help'],
    ['schedules', 'pause', '--help'],
  ])('asked for it is the result, and fits a terminal: %s %s', async (...args) => {
    const { exitCode, stdout, stderr } = await bare(args.filter(one => typeof one === 'string'))
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^Usage: gmah-backup/)
    expect(stdout.split('\n').filter(line => line.length > 80)).toEqual([])
  })

  test.each([
    [['bakcup'], 'did you mean backup?'],
    [['backups', '--lmit', '3'], 'did you mean --limit?'],
    [['backups', '--limit', 'many'], 'Give a whole number'],
    [['restore', 'acme'], 'restore to where?'],
  ])('wrong usage is two lines, exits 2, and is JSON when asked: %s', async (args, says) => {
    const { exitCode, stdout, stderr } = await bare(args)
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toContain(says)
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^error: /),
      expect.stringMatching(/^ {2}hint: /),
    ])
    const { exitCode: status, value } = await json(...args)
    expect(status).toBe(2)
    expect(value.error).toMatchObject({ code: 'usage', exit: 2, message: expect.stringContaining(says) })
  })
})

describe('config', () => {
  test('check says that all is well, with the number of schedules', async () => {
    const { exitCode, stdout } = await here.cli('config', 'check')
    expect(exitCode).toBe(0)
    expect(stdout).toContain(`${here.configFile} is in order, with 1 schedule`)
    expect((await json('config', 'check')).value).toMatchObject({ file: here.configFile, problems: [] })
  })

  test('check tells every problem at once, each with its path, its place and a hint', async () => {
    const file = join(here.folder, 'wrong.yaml')
    writeFileSync(
      file,
      'store:\n  type: s4\npostgres:\n  prot: 1\n  port: 70000\nkeys:\n  recovery_recipients: []\n',
      { mode: 0o600 },
    )
    const { exitCode, stdout, stderr } = await here.cli('--config', file, 'config', 'check')
    expect([exitCode, stdout]).toEqual([2, ''])
    for (const path of ['store.type', 'postgres.prot', 'postgres.port', 'keys.recovery_recipients'])
      expect(stderr).toMatch(
        new RegExp(`^problem: ${path}: .*\n {4}at: {3}${file}:\\d+:\\d+\n {4}hint: `, 'm'),
      )
    expect(stderr).toContain('did you mean port?')
    expect(stderr).toMatch(/\d problems; nothing was started or changed$/)
    const { value } = await json('--config', file, 'config', 'check')
    expect(value.error).toMatchObject({ code: 'config-invalid', exit: 2 })
    expect(value.error.facts.problems.map((one: { path: string }) => one.path)).toContain('postgres.prot')
  })

  test('show prints what is in force, without the password', async () => {
    const { exitCode, stdout } = await here.cli('config', 'show')
    expect(exitCode).toBe(0)
    expect(stdout).not.toContain('hunter2')
    expect(JSON.parse(stdout)).toMatchObject({ postgres: { password: '[redacted]', master: 'gmah_master' } })
  })

  test('where none is, it says where it looked', async () => {
    const { exitCode, stderr } = await bare(['tenants'], '/')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('gmah-backup.yaml or /etc/gmah-backup/gmah-backup.yaml [config-missing]')
  })
})

describe('tenants and backups', () => {
  test('tenants lists each database with its newest backup, aligned however wide the names are', async () => {
    const { exitCode, stdout } = await here.cli('tenants')
    expect(exitCode).toBe(0)
    const lines = stdout.split('\n')
    expect(lines[0]).toMatch(/^tenant +database +newest backup +size +rows +id$/)
    expect(lines.find(line => line.startsWith('東京'))).toMatch(
      /^東京 {14}gmah_org_東京 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ /,
    )
    expect(stdout).toContain('skipped:\n  postgres: matches no rule')
    const { value } = await json('tenants')
    expect(value.subjects).toHaveLength(4)
    expect(value.drift).toEqual([])
  })

  test('backups is newest first, of one tenant when asked, at most so many', async () => {
    const all = (await json('backups')).value as { instant: string; subject: string }[]
    expect(all).toHaveLength(5)
    expect(all.map(one => one.instant)).toEqual(
      all
        .map(one => one.instant)
        .sort()
        .reverse(),
    )
    expect((await json('backups', 'acme')).value).toHaveLength(2)
    expect((await json('backups', '--limit', '2')).value).toHaveLength(2)
    expect((await here.cli('backups', '--limit', '2')).stdout).toMatch(
      /\nonly the newest 2; --limit N shows more$/,
    )
    expect((await here.cli('backups')).stdout).not.toContain('only the newest')
    const { stdout } = await here.cli('backups', 'platform/globals')
    expect(stdout.split('\n')).toHaveLength(2)
    expect(stdout).toMatch(/ scheduled +[\d.]+ kB +[\d.]+ k?B$/)
    expect((await here.cli('backups', 'nobody')).stdout).toContain('gmah-backup catalogue rebuild')
  })

  test('backup show takes the beginning of an id: tables, rows, sizes', async () => {
    const [newest] = (await json('backups', 'acme')).value
    const { exitCode, stdout } = await here.cli('backup', 'show', newest.id.slice(0, 8))
    expect(exitCode).toBe(0)
    expect(stdout).toContain(`backup     ${newest.id} of acme`)
    expect(stdout).toMatch(/^public\.invoices +\d+ +[\d.]+ k?B {2}[0-9a-f]{12}$/m)
    const { value } = await json('backup', 'show', newest.id)
    expect(value).toMatchObject({ backup: newest.id, subject: 'tenants/acme' })
    const [globals] = (await json('backups', 'platform/globals')).value
    expect((await here.cli('backup', 'show', globals.id)).stdout).toContain(
      'content    a script: `gmah-backup backup export platform/globals --to globals.sql`',
    )
  })

  test.each([
    ['ffffffffffff', 4, 'backup-unknown'],
    ['xyz', 2, 'usage'],
  ])('backup show %s is refused', async (id, exit, code) => {
    const { exitCode, value } = await json('backup', 'show', id)
    expect([exitCode, value.error.code]).toEqual([exit, code])
  })

  test('backup show does not guess between two', async () => {
    const { catalogue } = here.parts()
    const [one] = catalogue.list()
    const { manifest } = one as { manifest: string }
    const db = openSqlite(join(here.folder, 'state', 'catalogue.sqlite'), CATALOGUE_MIGRATIONS)
    const twin = manifest.replace(/[0-9a-f]{12}(?=\.json)/, `${one?.id.slice(0, 6)}ffffff`)
    db.exec(
      `CREATE TEMP TABLE t AS SELECT * FROM backups WHERE manifest = '${manifest}'; UPDATE t SET manifest = '${twin}', id = substr(id, 1, 6) || 'ffffff'; INSERT INTO backups SELECT * FROM t`,
    )
    db.close()
    const { exitCode, stderr } = await here.cli('backup', 'show', one?.id.slice(0, 5) as string)
    expect(exitCode).toBe(2)
    expect(stderr).toContain('is the beginning of 2 backup ids')
    expect((await json('catalogue', 'rebuild')).value).toMatchObject({
      backups: 5,
      subjects: 4,
      problems: [],
    })
  })
})

describe('runs and schedules', () => {
  test('runs is newest first; one run is its events, found by the beginning of its id', async () => {
    const { value } = await json('runs', '--limit', '50')
    const night = value.find((run: { job: string }) => run.job === 'backup-all')
    expect(night).toMatchObject({ outcome: 'succeeded', facts: { succeeded: 1 } })
    const { stdout } = await here.cli('runs')
    expect(stdout).toMatch(new RegExp(`^${night.id}  .*Z +[\\d.]+ s  succeeded  backup-all`, 'm'))
    const one = await here.cli('runs', night.id.slice(0, 6))
    expect(one.stdout).toMatch(/^backup-all \(schedule\): succeeded\n\n/)
    expect(one.stdout).toMatch(/^\S+ \S+Z {2}backup-committed {3}acme {2}backup [0-9a-f]{12}, /m)
    expect((await json('runs', night.id)).value).toMatchObject({
      run: { id: night.id },
      events: expect.any(Array),
    })
  })

  test('a failed run tells its error, its causes and what to do; one that is not there is 4', async () => {
    await here.cli('backup', 'nobody')
    const [failed] = (await json('runs', '--limit', '1')).value
    const { stdout } = await here.cli('runs', failed.id)
    expect(stdout).toMatch(/^backup \(manual\): failed\n {2}error: .* \[tenant-unknown\]\n {2}hint: type/)
    const nobodys = '0123456789ab'
    expect((await json('runs', nobodys)).value.error.code).toMatch(/run-unknown/)
    expect((await here.cli('runs', nobodys)).exitCode).toBe(4)
    expect((await here.cli('runs', 'not an id')).exitCode).toBe(2)
  })

  test('a schedule is paused and resumed, and says when it runs next', async () => {
    expect((await json('schedules')).value[0]).toMatchObject({ paused: false, schedule: { name: 'nightly' } })
    expect((await here.cli('schedules', 'pause', 'nightly')).stdout).toMatch(/^nightly .* paused /m)
    expect((await json('schedules')).value[0]).toMatchObject({ paused: true, next: null })
    expect((await here.cli('schedules', 'resume', 'nightly')).stdout).toMatch(/-01-01 00:30:00Z/)
    expect(here.events('schedule-paused')).toHaveLength(1)
    const { exitCode, stderr } = await here.cli('schedules', 'pause', 'nothing')
    expect(exitCode).toBe(4)
    expect(stderr).toContain('there is no schedule nothing')
  })
})

describe('keys', () => {
  test('generate prints an age identity file that our own parts take, and says the recipient aside', async () => {
    const { exitCode, stdout, stderr } = await bare(['keys', 'generate'], '/')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^# created: .*\n# public key: age1\w+\nAGE-SECRET-KEY-1\w+$/)
    const [recipient] = /age1\w+/.exec(stdout) as RegExpExecArray
    expect(stderr).toContain(recipient)
    const { value } = await json('keys', 'generate')
    expect(value.file).toContain(`# public key: ${value.recipient}`)
  })

  test('init makes the identity once, for its owner alone, and never again', async () => {
    const file = join(here.folder, 'new.yaml')
    writeFileSync(file, readFileSync(here.configFile, 'utf8').replace('operational.txt', 'new.txt'), {
      mode: 0o600,
    })
    const missing = await here.cli('--config', file, 'keys', 'show')
    expect(missing.exitCode).toBe(9)
    expect(missing.stderr).toContain('gmah-backup keys init')
    const { exitCode, stdout } = await here.cli('--config', file, 'keys', 'init')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/new\.txt\nrecipient: age1\w+$/)
    expect(statSync(join(here.folder, 'new.txt')).mode & 0o777).toBe(0o600)
    const again = await here.cli('--config', file, '--json', 'keys', 'init')
    expect([again.exitCode, JSON.parse(again.stdout).error.code]).toEqual([5, 'file-exists'])
  })

  test('rotate with a new identity leaves every backup readable, by it and by the recovery key', async () => {
    const before = (await json('keys', 'show')).value.operational
    expect((await here.cli('keys', 'rotate', '--new-identity')).stdout).toBe('4 keys wrapped anew')
    const after = (await json('keys', 'show')).value
    expect(after.operational).not.toBe(before)
    expect(JSON.stringify(after)).not.toContain('SECRET')
    const [newest] = (await json('backups', 'acme')).value
    expect((await here.cli('backup', 'show', newest.id)).exitCode).toBe(0)
    expect(
      (await here.cli('--identity', here.recoveryIdentityFile, 'backup', 'show', newest.id)).exitCode,
    ).toBe(0)
    const stranger = join(here.folder, 'stranger.txt')
    writeFileSync(stranger, (await bare(['keys', 'generate'])).stdout, { mode: 0o600 })
    const { exitCode, value } = await json('--identity', stranger, 'backup', 'show', newest.id)
    expect([exitCode, value.error.code]).toEqual([9, 'key-wrong'])
    expect(here.events('keys-rotated').at(-1)?.facts).toMatchObject({ subjects: 4 })
  })
})

test('a state directory that is not ours to write is told as such, with its path', async () => {
  const file = join(here.folder, 'closed.yaml')
  // Where not even root may make a folder.
  const text = readFileSync(here.configFile, 'utf8').replace(
    'directory: state',
    'directory: /sys/gmah-backup',
  )
  writeFileSync(file, text, { mode: 0o600 })
  const { exitCode, stdout, stderr } = await here.cli('--config', file, 'runs')
  expect([exitCode, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(
    /^error: .*\/sys\/gmah-backup.* \[file-denied\]\n {2}hint: check the file's owner and mode/,
  )
  expect(stderr).not.toContain('    at ')
  expect((await here.cli('--config', file, '--debug', 'runs')).stderr).toContain('    at ')
})
