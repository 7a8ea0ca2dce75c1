// Real jobs that really fail, run as the daemon runs what is due: each is told by a real mail server, and by a real Slack
// endpoint where it is critical; once, and its end once.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StoredEvent } from '../../src/domain/events.js'
import { openBackup } from '../../src/jobs/open-backup.js'
import type { Parts } from '../../src/jobs/parts.js'
import { connect } from '../../src/postgres/connection.js'
import { chunkKey } from '../../src/store/keys.js'
import { systemClock } from '../../src/sys/clock.js'
import { type AlertScene, openAlertScene, type Planted, tellsEach } from '../kit/alert-scene.js'
import { tenant } from '../kit/alerting.js'
import { temporaryFolder } from '../kit/cluster.js'
import { scratchFolder } from '../kit/drills.js'
import { type FakeHetzner, fakeHetzner } from '../kit/hetzner/server.js'
import { type TwistedTools, twistedTools } from '../kit/twisted-tools.js'

const SHIPPED = [
  'retention',
  'drills',
  'monthly-archives',
  'nightly-check',
  'put-aside-databases',
  'server-snapshots',
]
const acme = tenant('acme')
const scratch = scratchFolder()
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let hetzner: FakeHetzner
let tools: TwistedTools
let scene: AlertScene

beforeAll(async () => {
  hetzner = await fakeHetzner(systemClock)
  hetzner.project.addServer()
  hetzner.project.fate = () => ({ takesMs: 0, hiddenMs: 0, ends: 'available' })
  folder = await temporaryFolder()
  tools = await twistedTools(folder.path)
  const { endpoint, token } = hetzner
  const query = 'select tenant, database, status from organisations'
  scene = await openAlertScene(SHIPPED, {
    postgres: { lock_wait_timeout: '1s', tenants: { query }, tools_directory: tools.directory },
    drills: { scratch_directory: scratch.path },
    hetzner: { endpoint, token },
  })
})

afterAll(async () => {
  await scene.close()
  await hetzner.close()
  await folder.remove()
  scratch.remove()
})

const run: AlertScene['run'] = (...asked) => scene.run(...asked)
const night = () => run('backup-all')
const sql = (text: string) => scene.cluster.sql('gmah_master', text)

const postgres = (more: Partial<Parts['config']['postgres']>) => ({
  parts: (parts: Parts): Parts => ({
    ...parts,
    config: { ...parts.config, postgres: { ...parts.config.postgres, ...more } },
  }),
})

/** Takes a file of the store away; gives what brings it back. */
function takeAway(key: string): () => void {
  const { storeFolder, folder: root } = scene.here
  const file = join(storeFolder, key)
  const body = readFileSync(file)
  renameSync(file, `${root}/taken`)
  return () => writeFileSync(file, body)
}

/** What Hetzner takes from now on; gives what brings the other back. */
function useToken(token: string): () => void {
  const before = hetzner.token
  hetzner.token = token
  return () => {
    hetzner.token = before
  }
}

let undo: () => void = () => {}

const PLANTED: Planted[] = [
  {
    title: 'warning: sweep failed',
    begin: () => run('sweep', { parts: parts => ({ ...parts, config: { ...parts.config, schedules: [] } }) }),
    end: () => run('sweep'),
  },
  {
    title: 'warning: sweep-kept failed',
    begin: () => run('sweep-kept', postgres({ port: 1 })),
    end: () => run('sweep-kept'),
  },
  {
    title: 'warning: backup failed: acme',
    says: /- acme: .*\[lock-timeout\].*What to type next:\n {2}gmah-backup runs \w+\n {2}gmah-backup backup acme\n/s,
    begin: async () => {
      const session = await connect(scene.cluster.target, 'gmah_org_acme')
      await session.query('BEGIN')
      await session.query('LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE')
      await night()
      await session.close()
    },
    end: night,
  },
  {
    title: 'CRITICAL: backup-all failed',
    critical: true,
    says: /\[postgres-unreachable\]/,
    begin: () => run('backup-all', postgres({ port: 1 })),
    end: night,
  },
  {
    title: 'warning: the server could not be seen whole',
    begin: () => {
      const { tenants } = scene.here.parts().config.postgres
      return run('backup-all', postgres({ tenants: { ...tenants, query: 'select nope' } }))
    },
    end: night,
  },
  {
    title: 'warning: databases and tenants disagree (tenant-without-database)',
    says: /ghost, gmah_org_ghost/,
    begin: async () => {
      await sql(`INSERT INTO organisations VALUES ('ghost', 'gmah_org_ghost', 'active')`)
      await night()
    },
    end: async () => {
      await sql(`DELETE FROM organisations WHERE tenant = 'ghost'`)
      await night()
    },
  },
  {
    title: 'warning: no room to prove: platform/master, acme',
    says: /- acme: needed > free: \d+ MB > 0 MB/,
    begin: () => run('drill', { schedule: { diskBytes: 1 } }),
    end: () => run('drill'),
  },
  {
    title: 'CRITICAL: damaged objects in the store: acme',
    critical: true,
    begin: async () => {
      const { manifest } = await openBackup(scene.here.parts().repository, acme, 'latest')
      undo = takeAway(chunkKey(acme, manifest.chunks[0]?.id as never))
      await run('check')
    },
    end: async () => {
      undo()
      await run('check')
    },
  },
  {
    title: 'CRITICAL: backups are gone from the store: acme',
    ...{ critical: true, momentary: true },
    says: /- acme: 1: [0-9a-f]{12} 20.*No sweep of this machine took them.*gmah-backup backups acme/s,
    begin: async () => {
      takeAway(scene.here.parts().catalogue.list({ subject: acme }).at(-1)?.manifest ?? '')
      await run('check')
    },
    end: () => run('check'),
  },
  {
    title: 'warning: check failed',
    begin: async () => {
      renameSync(scene.here.storeFolder, `${scene.here.storeFolder}-away`)
      await run('check')
    },
    end: async () => {
      renameSync(`${scene.here.storeFolder}-away`, scene.here.storeFolder)
      await run('check')
    },
  },
  {
    title: 'warning: the monthly archive failed: acme',
    begin: async () => {
      undo = takeAway(`${acme}/backups/key.age`)
      await run('archive-tenants')
    },
    end: async () => {
      undo()
      await run('archive-tenants')
    },
  },
  {
    title: 'warning: a server has no new snapshot: gmah-app',
    says: /- gmah-app: .*\[hetzner-denied\].*gmah-backup snapshot list/s,
    begin: async () => {
      undo = useToken('that-was-revoked')
      await run('snapshot-servers')
    },
    end: async () => {
      undo()
      await run('snapshot-servers')
    },
  },
  {
    title: 'CRITICAL: a restore failed: acme',
    ...{ critical: true, momentary: true },
    besides: {
      before: ['for information: a restore started: acme'],
      after: ['for information: a restore started: acme', 'for information: a restore finished: acme'],
    },
    says: /\[restore-failed\].*Nothing is left under the asked name/s,
    begin: async () => {
      tools.twist('pg_restore', { exit: 1, bytes: '' })
      await expect(scene.here.restore('acme', 'acme_again')).rejects.toMatchObject({ code: 'restore-failed' })
    },
    end: async () => {
      tools.straighten()
      await scene.here.restore('acme', 'acme_again')
      await sql('DROP DATABASE acme_again')
    },
  },
  {
    // By now the one day has many backups, of which the policy keeps one: a third of everything would go.
    title: 'warning: retention deleted nothing, or not all it should (sweep-refused)',
    begin: () => run('sweep'),
    end: async () => {
      const [planned] = scene.here.events('sweep-planned').slice(-1)
      const { refused } = (planned as Extract<StoredEvent, { type: 'sweep-planned' }>).facts
      const swept = await scene.here.cli('sweep', '--yes-remove', String(refused))
      expect(swept).toMatchObject({ exitCode: 0 })
    },
  },
]

test('each failure of a real job is told once where it belongs, and its end once', () =>
  tellsEach(scene, PLANTED))
