// The configuration: the shipped example is right, everything wrong is told at once with its place, and no secret is shown.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config.js'
import { describeConfig } from '../../src/domain/describe-configuration.js'
import { Failure } from '../../src/domain/errors.js'
import { type Problem, refusal } from '../../src/domain/problem.js'
import { checkOwner } from '../../src/sys/secret-file.js'

const RECIPIENT = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
const MINIMAL = `store:\n  type: directory\n  path: store\nkeys:\n  recovery_recipients:\n    - ${RECIPIENT}\n`

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'))
  cpSync('schedules', join(folder, 'schedules'), { recursive: true })
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(text: string, name = 'gmah-backup.yaml', mode = 0o600): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

const load = (text: string, env: Record<string, string> = {}) => loadConfig({ path: write(text), env })

test('the application’s files stand at the top of the bucket, whatever stands in front of the backups', () => {
  const before = MINIMAL.replace('path: store\n', 'path: store\n  prefix: gmah\n')
  const { store, files } = load(before).config
  expect([store.prefix, files.store]).toEqual(['gmah/', { ...store, prefix: '' }])
})

function problemsOf(text: string, env: Record<string, string> = {}): Problem[] {
  try {
    load(text, env)
  } catch (error) {
    expect(error).toBeInstanceOf(Failure)
    expect((error as Failure).code).toBe('config-invalid')
    return (error as Failure).facts.problems as Problem[]
  }
  throw new Error('it was accepted')
}

describe('the shipped example', () => {
  test('parses, with GMAH defaults', () => {
    for (const name of ['r2-access-key-id', 'r2-secret-access-key', 'postgres-password'])
      write('x1', `secrets/${name}`)
    const { config, sources, warnings } = load(readFileSync('gmah-backup.example.yaml', 'utf8'))
    // It names nobody to tell and a key of nobody's: who that is, only the operator knows.
    expect(warnings.map(one => one.path)).toEqual(['keys.recovery_recipients', 'alerts.channels'])
    expect(sources).toHaveLength(4 + readdirSync('schedules').length)
    expect(config.store).toMatchObject({ type: 's3', region: 'auto', prefix: '', secretAccessKey: 'x1' })
    expect(config.store.bandwidthBytesPerSecond).toBe(40 * 1024 * 1024)
    expect(config.postgres).toMatchObject({
      host: '/var/run/postgresql',
      master: 'gmah_master',
      lockWaitTimeoutMs: 30_000,
    })
    expect(config.postgres.tenants.pattern.exec('gmah_org_Café "1"')?.groups?.tenant).toBe('Café "1"')
    expect(config.dump.cutter).toEqual({ minBytes: 262_144, averageBytes: 1_048_576, maxBytes: 4_194_304 })
    expect(config.daemon).toEqual({
      host: '127.0.0.1',
      port: 9178,
      behindProxy: false,
      tls: null,
      drainMs: 25_000,
      logLevel: 'info',
    })
    expect(config.api).toEqual({ approval: 'none', planMs: 1_800_000, requestsPerMinute: 600 })
    expect(config.schedules).toContainEqual(
      expect.objectContaining({ name: 'nightly-dumps', job: 'backup-all', timeZone: 'Europe/Paris' }),
    )
  })

  test('parses with everything that is commented out put in, and that changes nothing', () => {
    for (const name of ['r2-access-key-id', 'r2-secret-access-key', 'postgres-password'])
      write('x1', `secrets/${name}`)
    const tls = {
      certificateFile: write('x', 'tls/certificate.pem'),
      keyFile: write('x', 'tls/key.pem'),
    }
    const text = readFileSync('gmah-backup.example.yaml', 'utf8')
    const uncommented = text
      .replace(/^# store:\n# {3}type: directory\n# {3}path.*\n/m, '')
      .replace(/^(\s*)# ((?:[a-z_]+):(?: .*)?)$/gm, '$1$2')
    expect(uncommented).toContain('\n  concurrency: 2')
    const full = load(uncommented).config
    const plain = load(text).config
    const explicit = {
      sslRootCertificateFile: '/etc/ssl/certs/postgres-ca.pem',
      toolsDirectory: '/usr/lib/postgresql/15/bin',
    }
    expect(full).toEqual({
      ...plain,
      daemon: { ...plain.daemon, tls },
      playbooksDirectory: '/etc/gmah-backup/restore-playbooks',
      postgres: {
        ...plain.postgres,
        ...explicit,
        tenants: { ...plain.postgres.tenants, query: expect.any(String) },
      },
    })
  })
})

describe('paths and variables', () => {
  test('relative paths are against the file', () => {
    const { config } = load(MINIMAL)
    expect(config.store).toMatchObject({ path: join(folder, 'store') })
    expect(config.keys.operationalIdentityFile).toBe(join(folder, 'operational-identity.txt'))
  })

  test('variables are filled in after parsing, so a value adds no structure; unset ones are problems', () => {
    const text = `${MINIMAL}state_directory: "\${BASE}/state"\npostgres: { port: "\${PORT}", user: "a$\${b}" }\n`
    const { config } = load(text, { BASE: '/srv\nevil: 1', PORT: '6432' })
    expect(config.stateDirectory).toBe('/srv\nevil: 1/state')
    expect(config.postgres).toMatchObject({ port: 6432, user: `a\${b}` })
    expect(problemsOf(text)).toMatchObject([
      {
        path: 'state_directory',
        message: expect.stringContaining('BASE'),
        at: expect.stringMatching(/yaml:7:18$/),
      },
      { path: 'postgres.port', message: expect.stringContaining('PORT') },
    ])
  })

  test('the search goes by option, variable, then the usual places', () => {
    const path = write(MINIMAL)
    expect(loadConfig({ env: { GMAH_BACKUP_CONFIG: path } }).config.file).toBe(path)
    expect(() => loadConfig({ path: join(folder, 'none.yaml'), env: { GMAH_BACKUP_CONFIG: path } })).toThrow(
      expect.objectContaining({ code: 'config-missing' }),
    )
  })
})

describe('everything wrong is told at once', () => {
  test('unknown keys, types, ranges, rules and schedules together', () => {
    write(
      'job: backup-all\ncron: 61 1 * * *\ntime_zone: Europe/Pariss\nwhy: x\nfreshness_windows: 2h\ncatch_up: true\ndeadline: 1h\n',
      'schedules/odd.yaml',
    )
    write('secret', 'pw', 0o644)
    const problems = problemsOf(`
store:
  type: s3
  endpoint: http://r2.example.com
  buckett: b
  access_key_id: abc
  access_key_id_file: pw
postgres: { prot: 1, port: 70000, password_file: pw, tenants: { pattern: ^gmah_org_(.+)$ } }
keys: { recovery_recipients: [] }
dump: { concurrency: 8, connections: 3, nice: 20, cutter: { min: 2MiB } }
daemon: { log_level: loud, http: { host: 0.0.0.0 } }
`)
    const by = Object.fromEntries(problems.map(one => [one.path, one]))
    expect(Object.keys(by).sort()).toEqual([
      'cron',
      'daemon.http.host',
      'daemon.log_level',
      'dump.connections',
      'dump.cutter',
      'dump.nice',
      'freshness_window',
      'freshness_windows',
      'keys.recovery_recipients',
      'postgres.password_file',
      'postgres.port',
      'postgres.prot',
      'postgres.tenants.pattern',
      'store.access_key_id',
      'store.bucket',
      'store.buckett',
      'store.endpoint',
      'store.secret_access_key_file',
      'time_zone',
    ])
    // Each place is complained about once, but for what two of its rules say.
    expect(problems).toHaveLength(Object.keys(by).length)
    expect(by['store.buckett']?.hint).toBe('did you mean bucket?')
    expect(by['postgres.prot']?.hint).toBe('did you mean port?')
    expect(by['postgres.prot']?.at).toMatch(/gmah-backup\.yaml:8:13$/)
    expect(by['keys.recovery_recipients']?.hint).toContain('age-keygen')
    expect(by['daemon.http.host']?.hint).toContain('127.0.0.1')
  })

  test('what is wrong in its shape is not judged by the rules as well', () => {
    const problems = problemsOf(`
store: { type: s3, endpoint: "", bucket: b, access_key_id: "\${UNSET}", secret_access_key_file: 7 }
keys: { recovery_recipients: [${RECIPIENT}] }
postgres: { tenants: { pattern: "" } }
dump: { cutter: { min: large, average: 128KiB } }
daemon: { http: { tls: { certificate_file: 1 } } }
`)
    expect(problems.map(one => one.path).sort()).toEqual([
      'daemon.http.tls.certificate_file',
      'daemon.http.tls.key_file',
      'dump.cutter.min',
      'postgres.tenants.pattern',
      'store.access_key_id',
      'store.endpoint',
      'store.secret_access_key_file',
    ])
  })

  test('a store is held to its rules', () => {
    const s3 = (extra: string) =>
      `store: { type: s3, bucket: b, ${extra} }\nkeys: { recovery_recipients: [${RECIPIENT}] }\n`
    const paths = (extra: string) => problemsOf(s3(extra)).map(one => one.path)
    expect(paths('endpoint: "http://r2.example.com", access_key_id: a')).toEqual([
      'store.endpoint',
      'store.secret_access_key_file',
    ])
    expect(paths('endpoint: "https://u:p@r2.example.com", access_key_id: a, secret_access_key: b')).toEqual([
      'store.endpoint',
    ])
    expect(
      load(s3('endpoint: "http://127.0.0.1:9000", access_key_id: a, secret_access_key: b')).config.store.type,
    ).toBe('s3')
  })

  test('YAML errors say where', () => {
    expect(problemsOf('store:\n  a: [1\nkeys: x')[0]).toMatchObject({
      path: '',
      at: expect.stringMatching(/yaml:\d+:\d+$/),
    })
    expect(problemsOf(`${MINIMAL}keys: {}`)[0]?.message).toContain('unique')
  })

  test('an alias bomb is refused, not expanded', () => {
    const bomb = Array.from(
      { length: 9 },
      (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`)}]`,
    ).join('\n')
    expect(problemsOf(`a0: &a0 [x]\n${bomb}`)[0]?.message).toContain('alias')
  })

  test('an empty file is told what it needs', () => {
    expect(problemsOf('').map(one => [one.path, one.message])).toEqual([
      ['store', 'is missing'],
      ['keys', 'is missing'],
    ])
  })

  test.each([
    ['^gmah_(?<tenant>.+)$', 'matches the master'],
    ['^gmah_org_(.+)$', 'no group called tenant'],
    ['(', 'no regular expression'],
  ])('tenant pattern %s', (pattern, message) => {
    const [problem] = problemsOf(`${MINIMAL}postgres: { tenants: { pattern: "${pattern}" } }`)
    expect(problem?.message).toContain(message)
  })
})

describe('secrets', () => {
  test.each([0o644, 0o640, 0o604, 0o660, 0o700])('a secret file of mode %o is refused', mode => {
    write('hunter2', 'pw', mode)
    const problems = problemsOf(`${MINIMAL}postgres: { password_file: pw }`)
    expect(problems).toMatchObject([{ path: 'postgres.password_file', code: 'secret-exposed' }])
    expect(JSON.stringify(problems)).not.toContain('hunter2')
  })

  test('0400 is fine, the last line break is not part of the secret', () => {
    write('hunter2\n', 'pw', 0o400)
    expect(load(`${MINIMAL}postgres: { password_file: pw }`).config.postgres.password).toBe('hunter2')
  })

  test('a secret written into a file that others can read is refused; one from a variable is not', () => {
    const text = (value: string) => `${MINIMAL}postgres: { password: "${value}" }`
    const literal = write(text('hunter2'), 'literal.yaml', 0o644)
    expect(() => loadConfig({ path: literal, env: {} })).toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    )
    const variable = write(text(`\${PW}`), 'variable.yaml', 0o644)
    expect(loadConfig({ path: variable, env: { PW: '12345' } }).config.postgres.password).toBe('12345')
  })

  test('files of the daemon, read by root: told to become that user, and never to take the files from it', () => {
    const said = (owner: number, us: number) => {
      try {
        checkOwner('/etc/s', owner, us)
      } catch (error) {
        return `${(error as Failure).message}; ${(error as Failure).hint}`
      }
    }
    expect(said(7, 7)).toBeUndefined()
    expect(said(0, 7)).toBeUndefined()
    expect(said(4242424, 0)).toBe(
      "/etc/s belongs to user 4242424, and you are root; type it as the daemon's user: `sudo -u '#4242424' gmah-backup …`",
    )
    expect(said(4242424, 4242425)).toMatch(/; chown 4242425 \/etc\/s$/)
  })

  test('one thing to do about every problem is what to type next; else it is to see them all', () => {
    const problem: Problem = { path: 'a', message: 'm', hint: 'sudo', at: '', code: 'secret-exposed' }
    expect(refusal('f', [problem, { ...problem, path: 'b' }]).hint).toBe('sudo')
    const others: Partial<Problem>[] = [{ hint: 'chmod' }, { code: 'config-invalid' }]
    for (const other of others)
      expect(refusal('f', [problem, { ...problem, ...other }]).hint).toContain('config check')
  })

  test('an exposed operational identity is refused, a missing one is not there yet', () => {
    write('AGE-SECRET-KEY-1X', 'operational-identity.txt', 0o644)
    expect(problemsOf(MINIMAL)).toMatchObject([
      { code: 'secret-exposed', path: 'keys.operational_identity_file' },
    ])
  })

  test('the key of the example is told: nobody here has its identity', () => {
    const about = (recipient: string) =>
      load(MINIMAL.replace(RECIPIENT, recipient)).warnings.filter(one => one.path.startsWith('keys'))
    expect(about(RECIPIENT)).toMatchObject([{ path: 'keys.recovery_recipients' }])
    expect(about('age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa')).toEqual([])
  })

  test('a mistyped recipient is found; a secret identity in its place is never repeated', () => {
    const secret = 'AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX'
    const with_ = (recipient: string) => MINIMAL.replace(RECIPIENT, recipient)
    expect(problemsOf(with_(RECIPIENT.replace('ql3', 'ql4')))).toMatchObject([
      { path: 'keys.recovery_recipients[0]' },
    ])
    const problems = problemsOf(with_(secret))
    expect(problems).toMatchObject([{ code: 'secret-exposed' }])
    expect(JSON.stringify(problems)).not.toContain(secret)
  })

  test('each is read from its own place, and the description holds none', () => {
    const names = [
      'id',
      'key',
      'files-id',
      'files-key',
      'pw',
      'pooler',
      'scratch',
      'token',
      'mail',
      'hook',
      'beat',
    ]
    for (const name of names) write(`https://hunter2/${name}`, name)
    const text = `store: { type: s3, bucket: b, endpoint: "https://h", access_key_id_file: id, secret_access_key_file: key }
files: { store: { type: s3, bucket: f, endpoint: "https://h", access_key_id_file: files-id, secret_access_key_file: files-key } }
keys: { recovery_recipients: [${RECIPIENT}] }
postgres: { password_file: pw, pgbouncer: { host: h, port: 6432, user: u, password_file: pooler } }
drills: { scratch_server: { host: h, user: u, password_file: scratch } }
hetzner: { token_file: token }
alerts:
  channels:
    mail: { type: email, host: h, user: u, password_file: mail, from: a@b.c, to: [a@b.c] }
    hook: { type: slack, webhook_url_file: hook }
  heartbeats: { beat: { url_file: beat } }`
    const { config } = load(text)
    const { store, files, postgres, drills, hetzner, alerts } = config
    expect([store, files.store]).toMatchObject([
      { accessKeyId: 'https://hunter2/id', secretAccessKey: 'https://hunter2/key' },
      { accessKeyId: 'https://hunter2/files-id', secretAccessKey: 'https://hunter2/files-key' },
    ])
    const passwords = [postgres.password, postgres.pgbouncer?.password, drills.scratchServer?.password]
    expect([...passwords, hetzner?.token]).toEqual(
      ['pw', 'pooler', 'scratch', 'token'].map(name => `https://hunter2/${name}`),
    )
    expect(alerts.channels).toMatchObject([
      { password: 'https://hunter2/mail' },
      { webhookUrl: 'https://hunter2/hook' },
    ])
    expect(alerts.heartbeats).toMatchObject([{ url: 'https://hunter2/beat' }])
    const shown = JSON.stringify(describeConfig(config))
    expect(shown).not.toContain('hunter2')
    expect(shown.split('[redacted]')).toHaveLength(names.length + 1)
  })

  test('without a token of the provider no schedule makes snapshots, and with one it does', () => {
    const jobs = (text: string) => load(text).config.schedules.map(one => one.job)
    write('a-token', 'token')
    expect(jobs(MINIMAL)).not.toContain('snapshot-servers')
    expect(jobs(`${MINIMAL}hetzner: { token_file: token }\n`)).toContain('snapshot-servers')
  })
})
