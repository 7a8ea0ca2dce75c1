// One night or one restore in a process of its own: node our-process.js <configuration> <request as JSON>.
// Says on stdout how long the job took, how much memory the process had at most, how late its event loop was.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type App, openApp } from '../src/app.js'
import { loadConfig } from '../src/config.js'
import { subjectNamed } from '../src/domain/subject.js'
import { archiveTenant } from '../src/jobs/archive-tenant.js'
import { backupAll } from '../src/jobs/backup-all.js'
import { endOfNight } from '../src/jobs/backup-report.js'
import type { JobContext } from '../src/jobs/parts.js'
import { restoreBeside } from '../src/jobs/restore-beside.js'
import { assertPassed, verifyBackup } from '../src/jobs/verify.js'
import { systemClock } from '../src/sys/clock.js'
import { silentLogger } from '../src/sys/log.js'

export type ChildRequest =
  | { job: 'night'; tenants: string[] }
  | { job: 'restore'; tenant: string; database: string }
  | { job: 'verify'; tenant: string }
  | { job: 'archive'; tenant: string }

export interface ChildReport {
  seconds: number
  /** When the load was done and the proof began. */
  loadedSeconds: number | null
  rssBytes: number
  loopP99Ms: number
  /** Of an archive: its tar, and what is stored. */
  tarBytes?: number
  storedBytes?: number
}

/** The histogram holds the time between ticks, which are this far apart when nothing is late. */
const TICK_MS = 10

const [configFile = '', text = ''] = process.argv.slice(2)
const request: ChildRequest = JSON.parse(text)
const { config } = loadConfig({ path: configFile })
const shutdown = new AbortController().signal
const app = await openApp({ config, clock: systemClock, log: silentLogger(), shutdown, identityFile: null })

const archived: Pick<ChildReport, 'tarBytes' | 'storedBytes'> = {}
const delay = monitorEventLoopDelay({ resolution: TICK_MS })
delay.enable()
const start = performance.now()
const loadedSeconds = await work(app)
const seconds = secondsSince(start)
delay.disable()
await app.close()
const report: ChildReport = {
  seconds,
  loadedSeconds,
  rssBytes: process.resourceUsage().maxRSS * 1024,
  loopP99Ms: Math.max(0, delay.percentile(99) / 1e6 - TICK_MS),
  ...archived,
}
process.stdout.write(JSON.stringify(report))

function work(on: App): Promise<number | null> {
  switch (request.job) {
    case 'night':
      return night(on, request)
    case 'restore':
      return restore(on, request)
    case 'archive':
      return archive(on, request)
    default:
      return verify(on, request)
  }
}

async function archive({ runner, parts }: App, { tenant }: { tenant: string }): Promise<null> {
  const { failure } = await runner.run({ name: 'archive', trigger: 'manual' }, async context => {
    const wanted = { subject: subjectNamed(tenant), month: '2026-12', backup: 'latest' }
    const made = await archiveTenant(parts(), wanted, context)
    archived.tarBytes = made.tarBytes
    archived.storedBytes = made.archive.bytes
    return { outcome: 'succeeded' }
  })
  if (failure) throw failure
  return null
}

async function verify({ runner, parts }: App, { tenant }: { tenant: string }): Promise<null> {
  const { failure } = await runner.run({ name: 'verify', trigger: 'manual' }, async context => {
    const wanted = { subject: subjectNamed(tenant), backup: 'latest', level: 'restore' } as const
    assertPassed((await verifyBackup(parts(), wanted, context)).record)
    return { outcome: 'succeeded' }
  })
  if (failure) throw failure
  return null
}

async function night({ runner, parts }: App, { tenants }: { tenants: string[] }): Promise<null> {
  const { failure } = await runner.run({ name: 'backup-all', trigger: 'manual' }, async context => {
    const wanted = { kind: 'scheduled', label: null, names: tenants } as const
    return endOfNight(await backupAll(parts(), wanted, context))
  })
  if (failure) throw failure
  return null
}

/** @returns the seconds until the load was done and the proof began. */
async function restore(
  { runner, parts }: App,
  { tenant, database }: { tenant: string; database: string },
): Promise<number | null> {
  let loadedSeconds: number | null = null
  const { failure } = await runner.run({ name: 'restore', trigger: 'manual' }, async context => {
    const emit: JobContext['emit'] = event => {
      if (event.type === 'proof-passed') loadedSeconds = secondsSince(start) - event.facts.durationMs / 1000
      context.emit(event)
    }
    const wanted = { subject: subjectNamed(tenant), backup: 'latest', database, withRoles: false }
    await restoreBeside(parts(), wanted, { ...context, emit })
    return { outcome: 'succeeded' }
  })
  if (failure) throw failure
  return loadedSeconds
}

function secondsSince(ticks: number): number {
  return (performance.now() - ticks) / 1000
}
