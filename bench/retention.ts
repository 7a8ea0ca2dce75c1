// `node dist/bench/retention.js`: the plan and the sweep of a catalogue that is made up, 500 tenants x 400 backups x 1,000
// chunks, without a store: what the arithmetic costs. `-- TENANTS BACKUPS CHUNKS` for other sizes.
import { randomBytes } from 'node:crypto'
import type { BackupId, ChunkId } from '../src/domain/ids.js'
import type { ManifestChunk } from '../src/domain/manifest.js'
import { References } from '../src/repository/references.js'
import type { Copy } from '../src/retention/copy.js'
import { planRetention } from '../src/retention/plan.js'

const [tenants = 500, backups = 400, chunks = 1000] = process.argv.slice(2).map(Number)
/** Of each night's chunks, so many are new. */
const NEW = Math.ceil(chunks / 20)
const DAY_MS = 86_400_000
const RULE = { last: 0, hourly: 0, daily: 14, weekly: 8, monthly: 12, yearly: 0, withinMs: 0 }

const chunk = (): ManifestChunk => ({
  id: randomBytes(32).toString('hex') as ChunkId,
  bytes: 1_048_576,
  storedBytes: 400_000,
})

interface Measured {
  seconds: number
  removed: number
  unnamed: number
  freedBytes: number
}

/** One tenant's year: its manifests are made as they come, as from a store, and only the arithmetic is timed. */
function tenant(now: Date): Measured {
  let named = Array.from({ length: chunks }, chunk)
  const every = new Set(named.map(one => one.id))
  const references = new References()
  const copies: Copy[] = []
  let seconds = 0
  const timed = <T>(work: () => T): T => {
    // Of the processor, so that a busy machine gives the same figure.
    const started = process.cpuUsage()
    const done = work()
    const { user, system } = process.cpuUsage(started)
    seconds += (user + system) / 1_000_000
    return done
  }
  for (let night = backups; night > 0; night--) {
    const fresh = Array.from({ length: NEW }, chunk)
    for (const one of fresh) every.add(one.id)
    named = [...named.slice(NEW), ...fresh]
    const id = randomBytes(6).toString('hex') as BackupId
    const instant = new Date(now.getTime() - night * DAY_MS + 3_600_000)
    copies.push({
      id,
      instant,
      kind: 'scheduled',
      pin: null,
      proven: night % 7 === 0,
      broken: null,
      doubt: null,
      locked: null,
    })
    timed(() => references.add(id, named))
  }
  const circumstances = {
    now,
    zone: 'Europe/Paris',
    keep: { scheduled: RULE },
    minimum: 3,
    departed: null,
    lastRunFailed: null,
  }
  const found = timed(() => {
    const plan = planRetention(copies, circumstances)
    const removed = plan.filter(({ verdict }) => verdict === 'remove').map(({ copy }) => copy.id as BackupId)
    const freedBytes = references.bytesOnlyIn(removed)
    for (const backup of removed) references.drop(backup)
    const unnamed = [...every].filter(id => !references.names(id)).length
    return { removed: removed.length, unnamed, freedBytes }
  })
  return { ...found, seconds }
}

const now = new Date()
const total = { seconds: 0, removed: 0, unnamed: 0, freedBytes: 0 }
let peakBytes = 0
for (let done = 0; done < tenants; done++) {
  const one = tenant(now)
  for (const name of Object.keys(total) as (keyof Measured)[]) total[name] += one[name]
  peakBytes = Math.max(peakBytes, process.memoryUsage().rss)
}
console.log(`${tenants} tenants x ${backups} backups x ${chunks} chunks`)
console.log(
  `${total.removed} backups to remove, ${total.unnamed} chunks unnamed, ${total.freedBytes / 1e9} GB`,
)
console.log(
  `${total.seconds.toFixed(1)} s of processor for plan and references, ${Math.round(peakBytes / 1e6)} MB at most`,
)
