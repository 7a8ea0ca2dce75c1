// Secrets in the configuration, and errors in every stage: none of them appears in what is printed, logged, kept,
// or seen of a child process.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { connect } from '../../src/postgres/connection.js'
import { until } from '../kit/clock.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { type FaultyHttp, faultyHttp } from '../kit/faulty-http.js'
import { CLI, type Installation, install, MAIN } from '../kit/installation.js'
import { seedPlatform } from '../kit/platform/seed.js'
import { type R2, startR2 } from '../kit/r2.js'

const PASSWORD = 'pg-Sekr3t/with=odd;chars'
let cluster: Cluster
let r2: R2
let proxy: FaultyHttp
let here: Installation
let secrets: string[]

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme'], megabytesPerTenant: 0.3 })
  await cluster.sql('postgres', `CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '${PASSWORD}'`)
  r2 = await startR2()
  proxy = await faultyHttp(r2.endpoint)
  const { bucket } = r2
  // As PM2 gives them: by the environment.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration's own way to name a variable
  const access = { access_key_id: '${GMAH_KEY_ID}', secret_access_key: '${GMAH_SECRET}' }
  process.env.GMAH_KEY_ID = r2.accessKeyId
  process.env.GMAH_SECRET = r2.secretAccessKey
  here = await install(cluster.as('keeper', PASSWORD), {
    config: {
      store: { type: 's3', endpoint: proxy.endpoint, bucket, ...access },
      postgres: { lock_wait_timeout: '10m' },
    },
  })
  const identities = ['operational.txt', 'recovery.txt'].flatMap(
    name => readFileSync(join(here.folder, name), 'utf8').match(/AGE-SECRET-KEY-\S+/g) ?? [],
  )
  secrets = [PASSWORD, r2.secretAccessKey, ...identities]
})

afterAll(async () => {
  await here.remove()
  await proxy.stop()
  await r2.stop()
  await cluster.stop()
})

function expectNoSecret(where: string, text: string | Buffer): void {
  for (const secret of secrets) {
    const forms = [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64'),
      JSON.stringify(secret).slice(1, -1),
    ]
    for (const form of forms) expect(text.includes(form), `a secret in ${where}`).toBe(false)
  }
}

/** Every file that the program keeps, but for the keys and the configuration it was given. */
function expectNoSecretOnDisk(): void {
  const given = ['gmah-backup.yaml', 'password', 'operational.txt', 'recovery.txt']
  const names = readdirSync(here.folder, { recursive: true, encoding: 'utf8' })
  const files = names.filter(name => !given.includes(name) && statSync(join(here.folder, name)).isFile())
  expect(files).toContain('state/journal.sqlite')
  for (const name of files) expectNoSecret(name, readFileSync(join(here.folder, name)))
}

/** The configuration with something changed, for one command. */
async function withConfig<T>(
  change: (config: Record<string, Record<string, unknown>>) => void,
  work: () => Promise<T>,
) {
  const before = readFileSync(here.configFile, 'utf8')
  const config = parse(before)
  change(config)
  writeFileSync(here.configFile, stringify(config), { mode: 0o600 })
  try {
    return await work()
  } finally {
    writeFileSync(here.configFile, before, { mode: 0o600 })
  }
}

async function expectQuietFailure(...args: string[]): Promise<void> {
  const wide = args.includes('config') ? args : ['--debug', ...args]
  for (const command of [wide, ['--json', ...args]]) {
    const { exitCode, stdout, stderr } = await here.cli(...command)
    expect([command, exitCode]).not.toEqual([command, 0])
    expectNoSecret(`stdout of ${command.join(' ')}`, stdout)
    expectNoSecret(`stderr of ${command.join(' ')}`, stderr)
  }
}

it('errors in every stage say nothing secret', { timeout: 300_000 }, async () => {
  expect((await here.cli('backup')).exitCode).toBe(0)
  const always = { times: Number.POSITIVE_INFINITY }
  const signature = `<Error><Code>SignatureDoesNotMatch</Code><Message>${r2.secretAccessKey} is not it</Message></Error>`
  proxy.add({ ...always, effect: { status: 403, body: signature } })
  await expectQuietFailure('backup', 'acme')
  await expectQuietFailure('restore', 'acme', '--as', 'again')
  await expectQuietFailure('backup', 'export', 'acme', '--to', 'acme.dump')
  await expectQuietFailure('catalogue', 'rebuild')
  await expectQuietFailure('keys', 'rotate')
  proxy.heal()
  const wrong = (config: Record<string, Record<string, unknown>>) => {
    config.postgres = { ...config.postgres, host: '127.0.0.1', port: 1 }
  }
  await withConfig(wrong, async () => {
    await expectQuietFailure('backup', 'acme')
    await expectQuietFailure('tenants')
  })
  const noSecretPlace = (config: Record<string, Record<string, unknown>>) => {
    config.keys = { ...config.keys, recovery_recipients: [secrets[2]] }
    config.postgres = { ...config.postgres, sslmode: PASSWORD }
  }
  await withConfig(noSecretPlace, () => expectQuietFailure('config', 'check'))
  await cluster.sql('gmah_org_acme', 'CREATE TABLE broken (a int); CREATE VIEW v AS SELECT a FROM broken')
  await expectQuietFailure('restore', 'nobody', '--as', 'again')
  await expectQuietFailure('--identity', 'gmah-backup.yaml', 'backup', 'show', 'aaaa')
  expectNoSecretOnDisk()
})

it('what works says nothing secret either: children, their environment, the log', async () => {
  const seen = new Map<string, string>()
  // pg_dump waits for this table until it has been seen, however rarely we get to look.
  const holder = await connect(cluster.target, 'gmah_org_acme')
  await holder.run('BEGIN; LOCK TABLE public.contracts IN ACCESS EXCLUSIVE MODE')
  const daemon = execa('node', [MAIN, '--config', here.configFile], { cwd: here.folder, reject: false })
  const night = execa('node', [CLI, '--config', here.configFile, 'backup'], {
    cwd: here.folder,
    reject: false,
  })
  let over = false
  void night.finally(() => {
    over = true
  })
  await until(() => {
    for (const parent of [daemon.pid, night.pid]) if (parent) look(parent, seen)
    return over || [...seen.keys()].some(one => /^\S*pg_dump .*gmah_org_acme/.test(one))
  })
  await holder.close()
  const { stdout, stderr, exitCode } = await night
  expect(exitCode).toBe(0)
  daemon.kill('SIGTERM')
  const ended = await daemon
  expect([...seen.keys()].some(one => one.includes('pg_dump'))).toBe(true)
  for (const [arguments_, environment] of seen) {
    expectNoSecret('the arguments of a process', arguments_)
    if (/pg_dump|pg_restore/.test(arguments_)) {
      expectNoSecret('the environment of a child', environment)
      expect(environment).not.toContain('GMAH_')
    }
  }
  for (const text of [stdout, stderr, ended.stdout, ended.stderr]) expectNoSecret('an output', text)
  expect(`${ended.stdout}`).toContain('"level"')
  expectNoSecretOnDisk()
})

/** Notes the arguments and the environment of a process and of everything below it, as others on the machine may see them. */
function look(pid: number, seen: Map<string, string>): void {
  const read = (file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ')
    } catch {
      return ''
    }
  }
  const arguments_ = read('cmdline')
  if (arguments_ !== '') seen.set(arguments_, `${seen.get(arguments_) ?? ''}${read('environ')}`)
  for (const child of read(`task/${pid}/children`).split(' ').filter(Boolean)) look(Number(child), seen)
}
