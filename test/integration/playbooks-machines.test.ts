// The playbooks that begin on another machine, every command as it is quoted: a server put back from its snapshot against
// the API over a real port, and the whole platform out of a bucket at its https address. What a person types is typed.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readPlaybooks } from '../../src/restore/playbook-files.js'
import { systemClock } from '../../src/sys/clock.js'
import { type Cluster, startCluster, temporaryFolder } from '../kit/cluster.js'
import { contentHash } from '../kit/content-hash.js'
import { type FakeHetzner, fakeHetzner } from '../kit/hetzner/server.js'
import { type Installation, install } from '../kit/installation.js'
import { seedPlatform } from '../kit/platform/seed.js'
import { filledIn, follow, program } from '../kit/playbooks.js'
import { type R2, startR2 } from '../kit/r2.js'
import { startHttps } from '../kit/r2-https.js'

const LIVE = 'gmah_org_acme'
const PM2 = join(process.cwd(), 'node_modules/.bin/pm2')
const body = (name: string): string =>
  readPlaybooks(join(process.cwd(), 'restore-playbooks')).find(one => one.name === name)?.body ?? ''

let cluster: Cluster
let bucket: R2
let hetzner: FakeHetzner
let server: Installation
let away: Awaited<ReturnType<typeof temporaryFolder>>
let before: Record<string, string>

beforeAll(async () => {
  ;[cluster, bucket, hetzner, away] = await Promise.all([
    startCluster(),
    startR2(),
    fakeHetzner(systemClock),
    temporaryFolder(),
  ])
  hetzner.project.addServer()
  hetzner.project.rebuildMs = 0
  hetzner.project.fate = () => ({ takesMs: 0, hiddenMs: 0, ends: 'available' })
  await seedPlatform(cluster.target, { tenants: ['acme'], megabytesPerTenant: 0.3 })
  const { endpoint, bucket: name, accessKeyId, secretAccessKey } = bucket
  const keys = { access_key_id: accessKeyId, secret_access_key: secretAccessKey }
  server = await install(cluster.target, {
    config: {
      store: { type: 's3', endpoint, bucket: name, ...keys },
      hetzner: { endpoint: hetzner.endpoint, token: hetzner.token },
    },
  })
  expect((await server.night()).run.outcome).toBe('succeeded')
  before = await contentHash(cluster, LIVE)
})

afterAll(async () => {
  await server.remove()
  await Promise.all([cluster.stop(), bucket.stop(), hetzner.close(), away.remove()])
})

const page = body('vps-from-snapshot')
/** From here on one is logged in to the server. */
const LOGGED_IN = page.indexOf('### 4. ')

it('vps-from-snapshot, on the other machine: prepared, looked at, rebuilt, and a new server made', async () => {
  expect((await server.cli('snapshot', 'create', 'gmah-app')).exitCode).toBe(0)
  const image = String(hetzner.project.made.at(-1)?.id)
  const typed = join(away.path, 'typed')
  const recovery = readFileSync(server.recoveryIdentityFile, 'utf8')
  mkdirSync(typed)
  writeFileSync(join(typed, 'r2-access-key-id'), bucket.accessKeyId)
  writeFileSync(join(typed, 'r2-secret-access-key'), bucket.secretAccessKey)
  writeFileSync(join(typed, 'hetzner-token'), hetzner.token)
  writeFileSync(join(typed, 'recovery.txt'), recovery)
  program(away.path, 'nano', `for file; do cp "${typed}/\${file##*/}" "$file"; done`)
  const quoted = filledIn(page.slice(0, LOGGED_IN), {
    'https://ACCOUNT.r2.cloudflarestorage.com': bucket.endpoint,
    'bucket: gmah-backups': `bucket: ${bucket.bucket}`,
    'hetzner:\n': `hetzner:\n  endpoint: ${hetzner.endpoint}\n`,
    '[age1…]': `[${/age1\w+/.exec(recovery)?.[0]}]`,
    '"NAME"': '"gmah-new"',
    '"TYPE"': '"cpx22"',
    '"LOCATION"': '"fsn1"',
    SNAPSHOT: image,
    '"KEY"': '"admin"',
    FIREWALL: '38',
    NETWORK: '77',
    'https://api.hetzner.cloud/v1/': `${hetzner.endpoint}/`,
  })
  const machine = { ...server, folder: away.path, configFile: 'gmah-backup.yaml' }
  const { exitCode, said } = await follow(machine, quoted, {}, [
    [/id of the snapshot: $/, `${image}\r`],
    [/name of the server whose whole disk it replaces: $/, 'gmah-app\r'],
    [/first\? \[Y\/n\] $/, 'n\r'],
    [/type "gmah-app \d+" to go on: $/, `gmah-app ${image}\r`],
  ])
  expect([exitCode, said]).toEqual([0, expect.stringContaining('"name": "gmah-app"')])
  expect(hetzner.project.rebuilt.map(one => String(one.image))).toEqual([image])
  expect([...hetzner.project.servers.values()].map(one => one.name)).toEqual(['gmah-app', 'gmah-new'])
  expect(hetzner.violations).toEqual([])
})

it.skipIf(!existsSync(PM2))(
  'vps-from-snapshot, on the server: its daemon stopped, a tenant brought up to last night',
  async () => {
    await cluster.sql(LIVE, 'DROP TABLE invoices CASCADE')
    const PM2_HOME = join(away.path, 'pm2')
    const env = { PM2_HOME, GMAH_BACKUP_CONFIG: server.configFile }
    const pm2 = (...args: string[]) => execa(process.execPath, [PM2, ...args], { env, stdin: 'ignore' })
    program(server.folder, 'pm2', `exec node ${PM2} "$@"`)
    // There is no such user here.
    program(server.folder, 'sudo', '[ "$1 $2" = "-u gmah_backup" ] || exit 9; shift 2; exec "$@"')
    await pm2('start', 'ecosystem.config.cjs')
    try {
      const quoted = filledIn(page.slice(LOGGED_IN), { 'tenant=TENANT': 'tenant=acme' })
      const { exitCode, said } = await follow(server, quoted, { PM2_HOME }, [
        [/type acme to go on: $/, 'acme\r'],
      ])
      expect([exitCode, said]).toEqual([0, expect.stringContaining('rows are equal')])
      expect(server.events('daemon-stopping')).toHaveLength(1)
      expect(await contentHash(cluster, LIVE)).toEqual(before)
    } finally {
      await pm2('kill')
    }
  },
)

it('whole-platform, on an empty server, out of the bucket at its https address', async () => {
  const [front, fresh] = [await startHttps(bucket, away.path), await startCluster()]
  try {
    const { host, port, user } = fresh.target
    const quoted = filledIn(body('whole-platform'), {
      'https://ACCOUNT.eu.r2.cloudflarestorage.com/BUCKET': `https://${front.host}/${bucket.bucket}`,
      'gmah-recovery.txt': server.recoveryIdentityFile,
      '--user postgres': `--user ${user} --host ${host} --port ${port}`,
    })
    const variables = { TENANT: 'acme', NODE_EXTRA_CA_CERTS: front.certificateFile }
    const { exitCode, said } = await follow(server, quoted, variables, [
      [/access key id: $/, `${bucket.accessKeyId}\r`],
      [/secret access key: $/, `${bucket.secretAccessKey}\r`],
    ])
    expect([exitCode, said]).toEqual([0, expect.stringContaining(LIVE)])
    expect(said).not.toContain(bucket.secretAccessKey)
    expect(await contentHash(fresh, LIVE)).toEqual(before)
    expect(await contentHash(fresh, 'gmah_master')).toEqual(await contentHash(cluster, 'gmah_master'))
  } finally {
    await Promise.all([front.stop(), fresh.stop()])
  }
})
