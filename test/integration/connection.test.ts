// Connections: what is pinned, what each way of failing is called, and that a loss is told once and kills nobody.
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFile, chmod, chown, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { connect, withSession } from '../../src/postgres/connection.js'
import { libpqEnvironment, sweepPasswordFiles } from '../../src/postgres/environment.js'
import { startProgram } from '../../src/postgres/program.js'
import type { PostgresTarget, SslMode } from '../../src/postgres/target.js'
import { findTool } from '../../src/postgres/tools.js'
import { selfSigned } from '../kit/certificate.js'
import { type Cluster, startCluster, temporaryFolder } from '../kit/cluster.js'

const PASSWORD = 'per:\\cent % "quote" \' é'
/** A loopback address that is this process's alone: a port that was free a moment ago may be taken by now. */
const HOST = `127.${[16, 8, 0].map(shift => (process.pid >> shift) & 0xff).join('.')}`
const PORT = 25_432
let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster({ settings: { listen_addresses: HOST, port: String(PORT) } })
})
afterAll(() => cluster.stop())

test('a session is pinned: no timeouts, no search path, the server named', async () => {
  const database = await cluster.createDatabase({ name: 'odd =name\'"\\ :// é' })
  await cluster.sql('postgres', "ALTER ROLE postgres SET statement_timeout = '5s'")
  await withSession(cluster.target, database, {}, async session => {
    const [row] = await session.query<Record<string, string>>(
      `SELECT current_database() AS database, current_setting('statement_timeout') AS timeout,
              current_setting('search_path') AS path, current_setting('application_name') AS application`,
    )
    expect(row).toEqual({ database, timeout: '0', path: '', application: 'gmah-backup' })
    expect(session.server.versionNum).toBeGreaterThan(120_000)
    expect(cluster.version).toContain(session.server.version.split(' ')[0])
  })
})

test('whatever a role and its database say of themselves, times, bytes and names come as we read them', async () => {
  const database = await cluster.createDatabase()
  const settings = {
    DateStyle: 'German',
    IntervalStyle: 'sql_standard',
    bytea_output: 'escape',
    extra_float_digits: '-3',
    quote_all_identifiers: 'on',
    default_transaction_read_only: 'on',
    lock_timeout: '1ms',
  }
  await cluster.sql('postgres', 'CREATE ROLE peculiar LOGIN SUPERUSER')
  for (const [name, value] of Object.entries(settings)) {
    await cluster.sql('postgres', `ALTER ROLE peculiar IN DATABASE ${database} SET ${name} = '${value}'`)
  }
  await withSession(cluster.as('peculiar'), database, {}, async session => {
    await session.run('CREATE TABLE public.made (at timestamptz)')
    expect(
      await session.query(
        `SELECT '2026-11-26 01:02:03+00'::timestamptz AS at, '\\x00ff'::bytea AS bytes, 0.1::float8 AS real,
                quote_ident('plain') AS name, current_setting('lock_timeout') AS timeout`,
      ),
    ).toEqual([
      {
        at: new Date('2026-11-26T01:02:03Z'),
        bytes: Buffer.from([0, 255]),
        ...{ real: 0.1, name: 'plain', timeout: '0' },
      },
    ])
  })
})

describe('the names of failures', () => {
  const failure = (target: PostgresTarget, database = 'postgres') =>
    connect(target, database).then(
      async session => {
        await session.close()
        throw new Error('connected')
      },
      error => error,
    )

  test('no socket, no port, no such host', async () => {
    const unreachable = { code: 'postgres-unreachable', retryable: true }
    expect(await failure({ ...cluster.target, port: 1 })).toMatchObject(unreachable)
    expect(await failure({ ...cluster.target, host: '127.0.0.1', port: 1 })).toMatchObject(unreachable)
    expect(await failure({ ...cluster.target, host: 'nowhere.invalid' })).toMatchObject(unreachable)
  })

  test('no such database, no such role', async () => {
    expect(await failure(cluster.target, 'absent')).toMatchObject({
      code: 'postgres-denied',
      facts: { sqlstate: '3D000' },
    })
    expect(await failure(cluster.as('absent'))).toMatchObject({
      code: 'postgres-denied',
      facts: { sqlstate: '28000' },
    })
  })

  test('no right to connect: the grant to type, not a hunt through pg_hba.conf', async () => {
    const database = await cluster.createDatabase({ name: 'kept "apart"' })
    await cluster.sql(
      'postgres',
      'REVOKE ALL ON DATABASE "kept ""apart""" FROM PUBLIC; CREATE ROLE guest LOGIN',
    )
    expect(await failure(cluster.as('guest'), database)).toMatchObject({
      code: 'postgres-denied',
      hint: expect.stringContaining('GRANT CONNECT ON DATABASE "kept ""apart""" TO "guest"'),
      facts: { sqlstate: '42501' },
    })
  })

  test('a database that is full, for who is no superuser: the limit, not the server', async () => {
    const full = await cluster.createDatabase()
    await cluster.sql('postgres', 'CREATE ROLE plain LOGIN')
    await cluster.sql('postgres', `ALTER DATABASE ${full} CONNECTION LIMIT 0`)
    expect(await failure(cluster.as('plain'), full)).toMatchObject({
      code: 'postgres-unreachable',
      hint: expect.stringContaining('CONNECTION LIMIT'),
      facts: { sqlstate: '53300' },
    })
  })

  test('a statement that is denied is not taken for a wrong password', async () => {
    await withSession(cluster.as('guest'), 'postgres', {}, async session => {
      await expect(session.query('CREATE DATABASE mine')).rejects.toMatchObject({
        code: 'postgres-denied',
        hint: expect.stringContaining('SUPERUSER'),
        facts: { sqlstate: '42501' },
      })
    })
  })

  test('a statement that fails carries its SQLSTATE', async () => {
    await withSession(cluster.target, 'postgres', {}, async session => {
      await expect(session.query('SELECT 1/0')).rejects.toMatchObject({
        code: 'postgres-failed',
        facts: { sqlstate: '22012' },
      })
      await expect(session.query('SELECT 1; SELECT 2')).rejects.toMatchObject({
        facts: { sqlstate: '42601' },
      })
      await expect(session.query('CREATE DATABASE postgres')).rejects.toMatchObject({ code: 'target-exists' })
      await session.run('SELECT 1; SELECT 2')
    })
  })

  test('an aborted signal is its own reason, before and after', async () => {
    const reason = new Error('enough')
    await expect(connect(cluster.target, 'postgres', { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    )
    const controller = new AbortController()
    const session = await connect(cluster.target, 'postgres', { signal: controller.signal })
    const sleeping = session.query('SELECT pg_sleep(60)')
    controller.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
    await session.close()
  })
})

test('a backend that is killed is told once, with what the server said, and the process lives on', async () => {
  const session = await connect(cluster.target, 'postgres')
  let told = 0
  session.lost.addEventListener('abort', () => told++)
  const [row] = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const lost = new Promise(resolve => session.lost.addEventListener('abort', resolve, { once: true }))
  await cluster.sql('postgres', `SELECT pg_terminate_backend(${row?.pid})`)
  await lost
  expect(session.lost.reason).toMatchObject({ code: 'postgres-unreachable' })
  await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: 'postgres-unreachable' })
  await session.close()
  await session.close()
  expect(told).toBe(1)
})

test('a farewell is not a loss', async () => {
  const session = await connect(cluster.target, 'postgres')
  await session.close()
  expect(session.lost.aborted).toBe(false)
})

describe('passwords and TLS', () => {
  let tcp: PostgresTarget
  let certificate: string

  beforeAll(async () => {
    const { certificateFile, keyFile: key } = selfSigned(cluster.dataDirectory, `IP:${HOST}`)
    certificate = certificateFile
    const { uid, gid } = await stat(cluster.dataDirectory)
    await chmod(key, 0o600)
    if (process.getuid?.() === 0) await Promise.all([key, certificate].map(file => chown(file, uid, gid)))
    await cluster.sql('postgres', `CREATE ROLE pat LOGIN PASSWORD '${PASSWORD.replace(/'/g, "''")}'`)
    await cluster.sql('postgres', `ALTER SYSTEM SET ssl_cert_file = '${certificate}'`)
    await cluster.sql('postgres', `ALTER SYSTEM SET ssl_key_file = '${key}'`)
    await cluster.sql('postgres', 'ALTER SYSTEM SET ssl = on')
    const hba = join(cluster.dataDirectory, 'pg_hba.conf')
    const before = await readFile(hba, 'utf8')
    await writeFile(
      hba,
      `hostssl postgres pat 127.0.0.0/8 scram-sha-256\nhostnossl template1 pat 127.0.0.0/8 scram-sha-256\n`,
    )
    await appendFile(hba, before.replace(/^host .*$/gm, ''))
    await cluster.sql('postgres', 'SELECT pg_reload_conf()')
    tcp = { host: HOST, port: PORT, user: 'pat', password: PASSWORD }
    await vi.waitFor(() => encrypted({ ...tcp, sslMode: 'require' }), { timeout: 90_000 })
  })

  const encrypted = (target: PostgresTarget, database = 'postgres') =>
    withSession(target, database, {}, async session => {
      const rows = await session.query<{ ssl: boolean }>(
        'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      )
      return rows[0]?.ssl
    })

  test('a wrong and an absent password are denials', async () => {
    await expect(encrypted({ ...tcp, password: 'wrong' })).rejects.toMatchObject({ code: 'postgres-denied' })
    await expect(encrypted({ ...tcp, password: null })).rejects.toMatchObject({ code: 'postgres-denied' })
  })

  const modes: [SslMode, string | null, boolean | string][] = [
    ['disable', null, 'postgres-denied'],
    ['prefer', null, true],
    ['require', null, true],
    ['verify-ca', 'ours', true],
    ['verify-full', 'ours', true],
    ['verify-full', null, 'postgres-unreachable'],
  ]
  test.each(modes)('%s with authority %s: %s', async (sslMode, authority, expected) => {
    const target = { ...tcp, sslMode, sslRootCertificateFile: authority && certificate }
    const result = await encrypted(target).catch(error => error.code)
    expect(result).toBe(expected)
  })

  test('prefer goes without TLS where only that is allowed', async () => {
    expect(await encrypted(tcp, 'template1')).toBe(false)
    await expect(encrypted({ ...tcp, sslMode: 'require' }, 'template1')).rejects.toMatchObject({
      code: 'postgres-denied',
    })
  })

  test('libpq takes the same password from a private file that does not outlive its use', async () => {
    const { env, dispose } = await libpqEnvironment({
      ...tcp,
      sslMode: 'verify-full',
      sslRootCertificateFile: certificate,
    })
    const file = env.PGPASSFILE ?? ''
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(join(file, '..'))).mode & 0o777).toBe(0o700)
    for (const part of ['cent', '"quote"']) expect(Object.values(env).join()).not.toContain(part)
    const said = execFileSync('psql', ['-Atc', 'SELECT current_user', 'postgres'], { env, encoding: 'utf8' })
    expect(said.trim()).toBe('pat')
    await dispose()
    await dispose()
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

test('a password file is gone with its program, and is not there for one that is not started', async () => {
  const folder = await temporaryFolder()
  vi.stubEnv('TMPDIR', folder.path)
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await folder.remove()
  })
  const options = { target: { ...cluster.target, password: 'x' }, tool: await findTool('pg_dump', 0) }
  const child = await startProgram(options, ['--version'], { bigWrites: false })
  child.stdin.end()
  child.stdout.resume()
  expect((await child.result).exitCode).toBe(0)
  expect(await readdir(folder.path)).toEqual([])
  const signal = AbortSignal.abort(new Error('over'))
  await expect(startProgram({ ...options, signal }, [], { bigWrites: false })).rejects.toThrow('over')
  expect(await readdir(folder.path)).toEqual([])
})

test('without a password none is looked for in anybody’s home', async () => {
  const { env } = await libpqEnvironment(cluster.target)
  expect(env.PGPASSFILE).toMatch(/^\/nonexistent\//)
})

test('the password file of a process that was killed is swept, ours is not', async () => {
  const script = `
    const { libpqEnvironment } = await import('./dist/src/postgres/environment.js')
    const { env } = await libpqEnvironment(${JSON.stringify({ ...cluster.target, password: 'x' })})
    console.log(env.PGPASSFILE)
    process.kill(process.pid, 'SIGKILL')`
  // In a folder of its own: whatever else starts on this machine sweeps the common one.
  const folder = await temporaryFolder()
  vi.stubEnv('TMPDIR', folder.path)
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await folder.remove()
  })
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  const ours = await libpqEnvironment({ ...cluster.target, password: 'y' })
  expect(await sweepPasswordFiles()).toBe(1)
  await expect(stat(stdout.trim())).rejects.toMatchObject({ code: 'ENOENT' })
  await stat(ours.env.PGPASSFILE ?? '')
  await ours.dispose()
})

test('a password that a password file cannot hold is refused', async () => {
  await expect(libpqEnvironment({ ...cluster.target, password: 'a\nb' })).rejects.toMatchObject({
    code: 'config-invalid',
  })
})
