// The scene of a disaster: a server with a few small tenants, twistable programs, an installation, and three questions
// to ask afterwards: what is stored, what does the journal say, what is the operator told.
import { readdirSync } from 'node:fs'
import type { ErrorFacts } from '../../src/domain/error-facts.js'
import type { StoredEvent } from '../../src/domain/events.js'
import type { RunId } from '../../src/domain/ids.js'
import { parseSubjectId } from '../../src/domain/subject.js'
import { chunksPrefix, manifestsPrefix } from '../../src/store/keys.js'
import { type Cluster, startCluster, temporaryFolder } from './cluster.js'
import { type Installation, type InstallationOptions, install } from './installation.js'
import { type Gate, gateIn, type TwistedTools, twistedTools } from './twisted-tools.js'

export interface Scene {
  cluster: Cluster
  tools: TwistedTools
  here: Installation
  gate(name: string): Gate
  /** Store keys of a subject's manifests, oldest first. */
  manifests(subject: string): string[]
  /** How many chunks are stored for a subject. */
  chunks(subject: string): number
  /** What the journal says of a run; of the newest by default. */
  told(run?: RunId): Told
  end(): Promise<void>
}

export interface Told {
  outcome: string
  error: string | null
  committed: string[]
  /** Subject → error code. */
  failed: Record<string, string>
}

/** Chunks of 16 KiB, so that a dump of 1 MB has many. */
const SMALL_CHUNKS = { cutter: { min: '4KiB', average: '16KiB', max: '64KiB' } }

/** Half a kilobyte a row that does not repeat. */
const TENANT = (rows: number) => `
  CREATE TABLE items (id int PRIMARY KEY, word text NOT NULL);
  INSERT INTO items SELECT i, (SELECT string_agg(md5(i || '/' || k), '') FROM generate_series(1, 15) k) FROM generate_series(1, ${rows}) i;
  CREATE TABLE notes (id serial PRIMARY KEY, body text);
  INSERT INTO notes (body) SELECT 'note ' || i FROM generate_series(1, 20) i;
  COMMENT ON TABLE notes IS 'what was said'`

/** Tenants get `rows` rows of half a kilobyte. Call `end` in afterAll. */
export async function setScene(
  tenants: readonly string[],
  options: {
    rows?: number
    settings?: Record<string, string>
    quickInitdb?: boolean
  } & InstallationOptions = {},
): Promise<Scene> {
  const { rows = 2000, settings = {}, config = {}, quickInitdb = true, ...rest } = options
  const cluster = await startCluster({ settings })
  await cluster.createDatabase({ name: 'gmah_master', sql: 'CREATE TABLE organisations ()' })
  const [first = 'a', ...others] = tenants
  await cluster.createDatabase({ name: `gmah_org_${first}`, sql: TENANT(rows) })
  for (const tenant of others) {
    await cluster.createDatabase({ name: `gmah_org_${tenant}`, like: `gmah_org_${first}` })
  }
  const folder = await temporaryFolder()
  const tools = await twistedTools(folder.path, { quickInitdb })
  const { postgres, dump, ...sections } = config
  const here = await install(cluster.target, {
    ...rest,
    config: {
      postgres: { tools_directory: tools.directory, lock_wait_timeout: '1s', ...(postgres as object) },
      dump: { retry_pause: '0s', ...SMALL_CHUNKS, ...(dump as object) },
      ...sections,
    },
  })
  return {
    cluster,
    tools,
    here,
    gate: name => gateIn(folder.path, name),
    manifests: subject => files(here, manifestsPrefix(parseSubjectId(subject))),
    chunks: subject => files(here, chunksPrefix(parseSubjectId(subject))).length,
    told: run => told(here, run),
    end: async () => {
      await here.remove()
      await cluster.stop()
      await folder.remove()
    },
  }
}

function files(here: Installation, prefix: string): string[] {
  return readdirSync(here.storeFolder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => `${entry.parentPath}/${entry.name}`.slice(here.storeFolder.length + 1))
    .filter(key => key.startsWith(prefix))
    .sort()
}

function told(here: Installation, id?: RunId): Told {
  const run = id ? here.app.journal.run(id) : here.app.journal.runs({ limit: 1 })[0]
  if (!run) throw new Error('there is no run')
  const events = here.events().filter(event => event.run === run.id)
  const of = (type: StoredEvent['type']) => events.filter(event => event.type === type)
  const code = ({ facts }: StoredEvent) => (facts as { error: ErrorFacts }).error.code
  return {
    outcome: run.outcome,
    error: run.error?.code ?? null,
    committed: of('backup-committed')
      .map(event => event.subject ?? '')
      .sort(),
    failed: Object.fromEntries(of('backup-failed').map(event => [event.subject, code(event)])),
  }
}
