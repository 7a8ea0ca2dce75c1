// The shell loop of docs/format.md, word for word, with Debian's own age, zstd, jq, curl and pg_restore:
// what is in the bucket comes back without a line of our code, on a server that has never seen it.
import { copyFileSync, mkdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DumpFacts } from '../../src/domain/manifest.js'
import { encodeTenant, subjectNamed } from '../../src/domain/subject.js'
import { openBackup } from '../../src/jobs/open-backup.js'
import { prove } from '../../src/verify/proof.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { type Installation, install } from '../kit/installation.js'
import { projectRoot } from '../kit/platform/scripts.js'
import { DEMO_TENANTS, seedPlatform } from '../kit/platform/seed.js'
import { type R2, startR2 } from '../kit/r2.js'

const ODD = DEMO_TENANTS.at(-1) as string

/** The document's blocks: the names, two ways to fetch, the loop, the restore, the roles. */
function shellBlocks(): string[] {
  const page = readFileSync(join(projectRoot(), 'docs/format.md'), 'utf8')
  const chapter = page.slice(page.indexOf('## Restoring without us'))
  return [...chapter.matchAll(/```sh\n([\s\S]*?)```/g)].map(match => match[1] ?? '')
}

const [NAMES = '', DIRECTORY = '', BUCKET = '', LOOP = '', RESTORE = '', ROLES = ''] = shellBlocks()

/** The block with the reader's own values in place of the example's; each name must stand in the block. */
function filledIn(block: string, values: Record<string, string>): string {
  return Object.entries(values).reduce((text, [name, value]) => {
    const line = new RegExp(`^${name}=.*$`, 'm')
    expect(text).toMatch(line)
    return text.replace(line, () => `${name}='${value.replaceAll("'", `'\\''`)}'`)
  }, block)
}

let source: Cluster
let fresh: Cluster
let r2: R2

beforeAll(async () => {
  ;[source, fresh, r2] = await Promise.all([startCluster(), startCluster(), startR2()])
  await seedPlatform(source.target, { tenants: ['acme', ODD], megabytesPerTenant: 2 })
})

afterAll(async () => {
  await Promise.all([source.stop(), fresh.stop(), r2.stop()])
})

/** Runs blocks in a folder of their own, as one script, against the fresh server. */
async function shell(folder: string, blocks: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { exitCode, stdout, stderr } = await bash(folder, blocks)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) })
  return { stdout, stderr }
}

function bash(folder: string, blocks: readonly string[]) {
  const { host, port, user } = fresh.target
  const env = { PGHOST: host, PGPORT: String(port), PGUSER: user }
  return execa('bash', ['-c', blocks.join('\n')], { cwd: folder, env, reject: false })
}

const STORES = [
  {
    kind: 'a directory',
    store: () => null,
    access: (here: Installation) => filledIn(DIRECTORY, { store: here.storeFolder }),
  },
  {
    kind: 'a bucket',
    store: () => ({
      type: 's3',
      endpoint: r2.endpoint,
      bucket: r2.bucket,
      access_key_id: r2.accessKeyId,
      secret_access_key: r2.secretAccessKey,
    }),
    access: () =>
      filledIn(BUCKET, {
        endpoint: r2.endpoint,
        bucket: r2.bucket,
        access_key_id: r2.accessKeyId,
        secret_access_key: r2.secretAccessKey,
      }),
  },
]

describe.each(STORES)('from $kind', ({ kind, store, access }) => {
  let here: Installation

  beforeAll(async () => {
    const s3 = store()
    here = await install(source.target, s3 ? { config: { store: s3 } } : {})
    expect((await here.night()).run.outcome).toBe('succeeded')
    // What the dumps name must be there first; the other store's roles are the same.
    const { folder, names } = await fetched('platform/globals', 'globals')
    const { stderr } = await shell(folder, [names, ROLES])
    const others = (line: string) =>
      !/^$|already exists$|is already a member of|has already been granted membership/.test(line)
    expect(stderr.split('\n').filter(others)).toEqual([])
  })

  afterAll(() => here.remove())

  /** Fetches one subject's newest backup by the document; @returns the folder it lies in, and the script so far. */
  async function fetched(subject: string, target: string): Promise<{ folder: string; names: string }> {
    const folder = join(here.folder, target)
    mkdirSync(folder)
    const names = filledIn(NAMES, { identity: here.recoveryIdentityFile, subject, target })
    const { stdout } = await shell(folder, [names, access(here), LOOP])
    expect(stdout).toBe('backup.dump is whole')
    return { folder, names }
  }

  test.each(['acme', ODD, 'platform/master'])(
    '%s comes back equal, as the very file that export writes',
    async name => {
      const id = name.startsWith('platform/') ? name : `tenants/${encodeTenant(name)}`
      const target = `${name.replace(/\W/g, '_')} from ${kind}`
      const { folder, names } = await fetched(id, target)
      await shell(folder, [names, RESTORE])
      const parts = here.parts()
      const { manifest } = await openBackup(parts.repository, subjectNamed(name), 'latest')
      const proof = await prove(
        { ...parts.config.postgres, ...fresh.target },
        target,
        manifest.dump as DumpFacts,
        {
          politeness: parts.config.dump,
          signal: new AbortController().signal,
        },
      )
      // Owner, limits and settings of the database itself are for the reader to set: the page says where they stand.
      expect(proof.differences.filter(one => one.what !== 'database')).toEqual([])
      expect(proof.tables).toBeGreaterThan(0)
      const exported = join(folder, 'exported.dump')
      expect(await here.cli('backup', 'export', name, '--to', exported)).toMatchObject({ exitCode: 0 })
      await execa('cmp', [exported, join(folder, 'backup.dump')])
    },
  )
})

test('the loop names a chunk that is another one, and one that is cut, and goes no further', async () => {
  const here = await install(source.target)
  try {
    const { report } = await here.night({ names: ['acme'] })
    const [first, second] = report!.succeeded[0]!.chunks.map(({ id }) => ({
      id,
      file: join(here.storeFolder, 'tenants/acme/backups/chunks', id.slice(0, 2), id),
    }))
    const values = { identity: here.recoveryIdentityFile, subject: 'tenants/acme', target: 'never' }
    const access = filledIn(DIRECTORY, { store: here.storeFolder })
    const loop = () => bash(here.folder, [filledIn(NAMES, values), access, LOOP, 'echo went on'])
    copyFileSync(first!.file, second!.file)
    expect(await loop()).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: `chunk ${second!.id} holds other bytes than its id says`,
    })
    truncateSync(second!.file, 300)
    expect(await loop()).toMatchObject({ exitCode: 1, stdout: '' })
  } finally {
    await here.remove()
  }
})

test('the document has the blocks that are run here, and no others', () => {
  expect(shellBlocks()).toHaveLength(6)
})
