// The story that the demo tells: two nights and an accident, each step in the order of a real week.
// What a step claims it has checked: a night with a failure, or a restore that misses rows, ends the story.
import { bytesText, countText, secondsText } from '../../../src/cli/output.js'
import { systemClock } from '../../../src/sys/clock.js'
import { churn } from '../platform/churn.js'
import { connected } from '../platform/scripts.js'
import { MASTER_DATABASE, seedPlatform, tenantDatabase } from '../platform/seed.js'
import { type DemoInstallation, installDemo } from './installation.js'
import type { Ending, Night } from './last-words.js'
import type { Narrator } from './narrator.js'
import type { DemoPlatform } from './platform.js'
import { proofTable } from './proof-table.js'

export interface StoryOptions {
  megabytesPerTenant: number
  signal: AbortSignal
  /** Hears of the installation as soon as there is one to close. */
  opened(here: DemoInstallation): void
}

interface Scene extends StoryOptions {
  say: Narrator
  platform: DemoPlatform
}

const VICTIM = 'acme'
const TABLE = 'invoices'
const RESTORED = 'acme_before_the_accident'

/** Tells it from the first heading to the proof. @throws the signal's reason; what made a step fail. */
export async function tellStory(
  say: Narrator,
  platform: DemoPlatform,
  options: StoryOptions,
): Promise<Ending> {
  const scene = { say, platform, ...options }
  const tenants = await aPlatform(scene)
  const here = await anInstallation(scene)
  const first = await aNight(scene, here, 'The first night', [
    'Each database is dumped as of one instant, read as it passes, cut in chunks.',
    "Each chunk is compressed, encrypted under its tenant's own key, and stored.",
  ])
  await aWorkingDay(scene, tenants.slice(0, 2))
  const second = await aNight(scene, here, 'The second night', [
    'The same dumps again. Only chunks that the store does not hold are stored.',
  ])
  const share = percent(second.storedBytes / first.storedBytes)
  say.line(`That is ${share} of the first night: the chunks with a changed row, no others.`)
  const lost = await anAccident(scene)
  const backup = await aRestore(scene, here, lost)
  const names = { tenant: VICTIM, live: tenantDatabase(VICTIM), restored: RESTORED, table: TABLE, backup }
  return { here, first, second, ...names }
}

async function aPlatform({ say, platform, megabytesPerTenant, signal }: Scene): Promise<string[]> {
  const { server, version } = platform
  say.step('A platform to protect', [
    `A throw-away PostgreSQL ${version.split(' ')[0]} server, with one database per tenant: invoices,`,
    'contracts, an audit log, files, triggers, grants, row security, and more.',
  ])
  const started = systemClock.ticks()
  const { tenants } = await unlessAborted(signal, seedPlatform(server, { megabytesPerTenant }))
  const sizes = `select sum(pg_database_size(oid))::text as size from pg_database where datname like 'gmah%'`
  const [{ size }] = await query<{ size: string }>({ server, database: MASTER_DATABASE, signal }, sizes)
  const names = tenants.map(one => one.tenant)
  say.line(`Tenants: ${names.join(' · ')}`)
  say.line(
    `${names.length + 1} databases with the master, ${bytesText(Number(size))} on disk, made in ${secondsText(since(started))}.`,
  )
  return names
}

async function anInstallation({ say, platform, signal, opened }: Scene): Promise<DemoInstallation> {
  say.step('An installation', [
    'A configuration, a store (a folder; in production R2), and two keys: one for',
    'this machine, one for the safe. Either opens the backups, nothing else does.',
  ])
  const { folder, server } = platform
  const here = await installDemo(folder, server, { terminal: say.terminal, shutdown: signal })
  opened(here)
  say.line(here.configFile)
  return here
}

async function aNight(
  { say }: Scene,
  here: DemoInstallation,
  heading: string,
  why: string[],
): Promise<Night> {
  say.step(heading, why)
  const started = systemClock.ticks()
  const { succeeded, failed } = await here.night()
  if (failed[0]) throw failed[0].failure
  const night = {
    seconds: since(started),
    dumpedBytes: sum(succeeded.map(one => one.stream.bytes)),
    storedBytes: sum(succeeded.map(one => one.stored.newStoredBytes)),
  }
  say.line(
    `${succeeded.length} backups in ${secondsText(night.seconds)}: ${bytesText(night.dumpedBytes)} dumped, ${bytesText(night.storedBytes)} stored.`,
  )
  return night
}

async function aWorkingDay({ say, platform, signal }: Scene, busy: readonly string[]): Promise<void> {
  say.step('A day at work', [
    `1 % of the rows change in ${busy.join(' and ')}; the other tenants have a day off.`,
  ])
  const work = Promise.all(busy.map(tenant => churn(platform.server, tenant, 0.01)))
  const days = await unlessAborted(signal, work)
  const total = (what: 'inserted' | 'updated' | 'deleted') => countText(sum(days.map(day => day[what])))
  say.line(`${total('inserted')} rows new, ${total('updated')} changed, ${total('deleted')} deleted.`)
}

async function anAccident({ say, platform, signal }: Scene): Promise<number> {
  say.step('An accident', [`Somebody drops a table of ${VICTIM}, on the live database.`])
  const live = { server: platform.server, database: tenantDatabase(VICTIM), signal }
  const [{ rows }] = await query<{ rows: string }>(live, `select count(*)::text as rows from ${TABLE}`)
  await query(live, `drop table ${TABLE} cascade`)
  say.line(`DROP TABLE ${TABLE} CASCADE: ${countText(Number(rows))} rows are gone.`)
  return Number(rows)
}

async function aRestore({ say }: Scene, here: DemoInstallation, lost: number): Promise<string> {
  say.step('The restore, beside the live database', [
    "Last night's backup goes into a new database: nothing is overwritten. Then",
    'that one is dumped too, and compared with the backup: rows and definitions.',
  ])
  const started = systemClock.ticks()
  const { manifest, proof, database } = await here.restore(VICTIM, RESTORED)
  const back = manifest.dump?.tables.find(one => one.name === TABLE)?.rows ?? 0
  if (back !== lost) throw new Error(`${lost} rows were dropped, ${back} are back`)
  say.line(`${database} is loaded and proven, in ${secondsText(since(started))}:`)
  for (const line of proofTable(manifest, proof, TABLE)) say.line(line)
  return manifest.backup
}

interface Place {
  server: DemoPlatform['server']
  database: string
  signal: AbortSignal
}

async function query<Row extends object>(place: Place, text: string): Promise<[Row, ...Row[]]> {
  const work = connected(place.server, place.database, client => client.query<Row>(text))
  return (await unlessAborted(place.signal, work)).rows as [Row, ...Row[]]
}

/** Stops waiting when the signal fires: what goes on then ends with the server it works on. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  work.catch(() => {})
  signal.throwIfAborted()
  const over = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over.signal })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    over.abort()
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)
const since = (started: number): number => (systemClock.ticks() - started) / 1000
const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`
