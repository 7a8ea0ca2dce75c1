// `backup` as people and scripts use it: what is said where, how it exits, and how it is stopped.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connect, type Session } from '../../src/postgres/connection.js'
import { until } from '../kit/clock.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { CLI, type Installation, install } from '../kit/installation.js'
import { seedPlatform, tenantDatabase } from '../kit/platform/seed.js'

let cluster: Cluster
let here: Installation
let patient: string

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme', 'Łódź & "Co"', 'show'], megabytesPerTenant: 0.3 })
  here = await install(cluster.target, {
    config: { postgres: { ...cluster.target, lock_wait_timeout: '1s' } },
  })
  patient = join(here.folder, 'patient.yaml')
  copyFileSync(here.configFile, patient)
  writeFileSync(patient, readFileSync(patient, 'utf8').replace('1s', '10m'), { mode: 0o600 })
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

let locker: Session | null = null
afterEach(async () => {
  await locker?.close()
  locker = null
})

/** What a migration does: nobody can read the table until it ends. */
async function lock(tenant: string): Promise<void> {
  locker = await connect(cluster.target, tenantDatabase(tenant))
  await locker.run('BEGIN; LOCK TABLE public.contracts IN ACCESS EXCLUSIVE MODE')
}

const dumpWaits = () =>
  until(async () => (await cluster.sql('postgres', 'SELECT FROM pg_locks WHERE NOT granted')).length > 0)

const json = async (...args: string[]) => {
  const result = await here.cli('--json', ...args)
  return { ...result, value: JSON.parse(result.stdout) }
}

describe('what is backed up', () => {
  test('everything; the result alone is on stdout, the way there on stderr', async () => {
    const { exitCode, stdout, stderr } = await here.cli('backup')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^5 backed up \(\S+ MB, \S+ \wB added to the store\), 0 failed$/)
    const lines = stderr.split('\n')
    expect(lines[0]).toBe('backing up 5 subjects')
    expect(lines.slice(1).every(line => /^ok {6}.+: .+ in .+ s \(.+\/s\); all new$/.test(line))).toBe(true)
    expect(lines).toHaveLength(6)
  })

  test('those that are named, by name or id, each once, with a label', async () => {
    const { value, stderr, exitCode } = await json(
      ...['backup', 'acme', 'tenants/acme', 'Łódź & "Co"', 'platform/globals', '--label', 'v42 "go"'],
    )
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(value.failed).toEqual([])
    expect(value.succeeded.map((one: { subject: string }) => one.subject).sort()).toEqual([
      'platform/globals',
      'tenants/%C5%81%C3%B3d%C5%BA%20%26%20%22Co%22',
      'tenants/acme',
    ])
    const [newest] = (await json('backups', 'acme', '--limit', '1')).value
    expect(newest).toMatchObject({ label: 'v42 "go"', kind: 'manual', newBytes: 0 })
  })

  test('a tenant that is called like a subcommand, by its id', async () => {
    expect((await here.cli('backup', 'tenants/show')).exitCode).toBe(0)
    expect((await json('backups', 'show')).value).toHaveLength(2)
  })

  test('--before-migration is the kind of the backup', async () => {
    expect((await here.cli('backup', 'acme', '--before-migration')).exitCode).toBe(0)
    expect((await json('backups', 'acme', '--limit', '1')).value[0].kind).toBe('before-migration')
  })
})

describe('what fails', () => {
  test('a tenant that is not there: 4, nothing is done, and the run says so', async () => {
    const before = here.parts().catalogue.list().length
    const { exitCode, stdout, stderr } = await here.cli('backup', 'acme', 'nobody')
    expect([exitCode, stdout]).toEqual([4, ''])
    expect(stderr).toMatch(
      /^error: there is no tenant nobody on the server \[tenant-unknown\]\n {2}hint: type `gmah-backup tenants`.*\n {2}run: [0-9a-f]{12}, see/,
    )
    expect(here.parts().catalogue.list()).toHaveLength(before)
    const { value, exitCode: again } = await json('backup', 'nobody')
    expect(again).toBe(4)
    expect(value.error).toMatchObject({
      code: 'tenant-unknown',
      exit: 4,
      facts: { run: here.app.journal.runs()[0]?.id },
    })
  })

  test('one of several: 3, the others are backed up, the reason is said once', async () => {
    await lock('acme')
    const { exitCode, stdout, stderr } = await here.cli('backup')
    expect(exitCode).toBe(3)
    expect(stdout).toMatch(/^FAILED acme \[lock-timeout\]\n4 backed up \(.*\), 1 failed$/)
    expect(stderr.match(/lock-timeout\]/g)).toHaveLength(1)
    expect(stderr).toMatch(
      /FAILED {2}acme: .*\[lock-timeout\]\n {2}because: [\s\S]*\n {2}hint: .*pg_stat_activity/,
    )
    expect(here.app.journal.runs()[0]).toMatchObject({
      outcome: 'partial',
      facts: { succeeded: 4, failed: 1 },
    })
    expect(here.events('backup-failed').at(-1)).toMatchObject({
      subject: 'tenants/acme',
      facts: { error: { code: 'lock-timeout' } },
    })
  })

  test('the only one: with its own status; all of several: 3, and the report is there', async () => {
    await lock('acme')
    const alone = await json('backup', 'acme')
    expect(alone.exitCode).toBe(7)
    expect(alone.value.error).toMatchObject({ code: 'lock-timeout', exit: 7 })
    const nowhere = join(here.folder, 'nowhere.yaml')
    writeFileSync(nowhere, readFileSync(here.configFile, 'utf8').replace('path: store', 'path: gone'), {
      mode: 0o600,
    })
    const all = await json('--config', nowhere, 'backup', 'acme', 'show')
    expect(all.exitCode).toBe(3)
    expect(all.value.succeeded).toEqual([])
    expect(all.value.failed.map((one: { code: string }) => one.code)).toEqual([
      'store-missing',
      'store-missing',
    ])
  })
})

describe('two at once', () => {
  test('of different tenants do not wait for each other; of the same one, the second is told', async () => {
    await lock('acme')
    const waiting = execa('node', [CLI, '--config', patient, 'backup', 'acme'], {
      reject: false,
      stdin: 'ignore',
    })
    await dumpWaits()
    expect((await here.cli('backup', 'tenants/show')).exitCode).toBe(0)
    const same = await json('backup', 'acme')
    expect([same.exitCode, same.value.error.code]).toEqual([10, 'subject-busy'])
    await locker?.close()
    expect((await waiting).exitCode).toBe(0)
  })
})

describe('being stopped', () => {
  const interrupted = () => {
    const [run] = here.app.journal.runs()
    expect(run).toMatchObject({ outcome: 'interrupted', error: { code: 'interrupted' } })
    expect(here.events('run-interrupted').at(-1)?.run).toBe(run?.id)
    expect(here.app.locks.held('backup-all')).toBe(false)
  }

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends the run in good order: 130, and the next one works',
    async signal => {
      await lock('acme')
      const running = execa('node', [CLI, '--config', patient, 'backup'], { reject: false, stdin: 'ignore' })
      await dumpWaits()
      running.kill(signal)
      const { exitCode, stdout, stderr } = await running
      expect([exitCode, stdout]).toEqual([130, ''])
      expect(stderr).toContain(`error: interrupted by ${signal} [interrupted]`)
      expect(stderr).not.toMatch(/ at .*\.js:/)
      interrupted()
      await locker?.close()
      expect((await here.cli('backup', 'acme')).exitCode).toBe(0)
    },
  )

  test('Ctrl-C on a terminal does the same, and gives the cursor back', async () => {
    await lock('acme')
    const command = `stty cols 100 rows 30; exec node ${CLI} --config ${patient} backup`
    const terminal = execa('script', ['-qfec', command, '/dev/null'], { reject: false })
    await dumpWaits()
    terminal.stdin?.write('\x03')
    const { exitCode, stdout } = await terminal
    expect(exitCode).toBe(130)
    expect(stdout).toContain('of 5 subjects done')
    expect(stdout).toContain('error: interrupted by SIGINT [interrupted]')
    expect(stdout.lastIndexOf('\x1b[?25h')).toBeGreaterThan(stdout.lastIndexOf('\x1b[?25l'))
    interrupted()
  })

  test('outside of a run it just ends the process', async () => {
    const asking = join(here.folder, 'asking.yaml')
    const query = `SELECT name AS tenant, database_name AS database FROM organisations`
    const text = readFileSync(here.configFile, 'utf8').replace(
      '  user:',
      `  tenants:\n    query: ${query}\n  user:`,
    )
    writeFileSync(asking, text, { mode: 0o600 })
    locker = await connect(cluster.target, 'gmah_master')
    await locker.run('BEGIN; LOCK TABLE public.organisations IN ACCESS EXCLUSIVE MODE')
    const running = execa('node', [CLI, '--config', asking, 'tenants'], { reject: false, stdin: 'ignore' })
    await dumpWaits()
    running.kill('SIGINT')
    expect((await running).signal).toBe('SIGINT')
  })
})

describe('pipes', () => {
  test('on a terminal with stdout in a file, the file holds the result alone', async () => {
    const file = join(here.folder, 'result.txt')
    const command = `node ${CLI} --config ${here.configFile} backup platform/globals > ${file}`
    const { stdout } = await execa('script', ['-qec', command, '/dev/null'], { stdin: 'ignore' })
    expect(readFileSync(file, 'utf8')).toMatch(/^1 backed up \(.*\), 0 failed\n$/)
    expect(stdout).toContain('platform/globals: ')
  })

  test('a reader that stops reading is no error, and the backup is made all the same', async () => {
    const pipe = (command: string) =>
      execa('bash', ['-c', `node ${CLI} --config ${here.configFile} ${command}; exit \${PIPESTATUS[0]}`], {
        reject: false,
      })
    const before = here.parts().catalogue.list().length
    const { exitCode, stderr } = await pipe('backup platform/globals 2>&1 | true')
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(here.parts().catalogue.list()).toHaveLength(before + 1)
    const long = await pipe('help | head -1')
    expect([long.exitCode, long.stderr]).toEqual([0, ''])
  })
})
