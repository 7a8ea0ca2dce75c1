// An archive of very many small files in a process of its own: node dist/test/kit/many-files.js <files> <folder>.
// Archives them, verifies the archive, takes one file out of it; says on stdout how much memory each of the three needed.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { extractArchive } from '../../src/jobs/extract-archive.js'
import { archiveItems, openArchive } from '../../src/jobs/open-archive.js'
import type { JobContext, Parts } from '../../src/jobs/parts.js'
import { verifyArchive } from '../../src/jobs/verify-archive.js'
import { createSealPool } from '../../src/seal/pool.js'
import { directoryStore } from '../../src/store/directory.js'
import { systemClock } from '../../src/sys/clock.js'
import { archiveBytes } from './archives.js'
import { madeUpFiles } from './made-up-files.js'
import { ACME, never, testRepository } from './repository.js'

export interface ManyFiles {
  members: number
  verified: number
  shown: number
  extracted: string
  archiveMegabytes: number
  seconds: Record<'archive' | 'verify' | 'show' | 'extract', number>
  /** The most that the process had by then. */
  peakMegabytes: Record<'start' | 'archive' | 'verify' | 'show' | 'extract', number>
}

const [countText = '1000', folder = ''] = process.argv.slice(2)
const count = Number(countText)

/** Half of them need another name. */
const name = (n: number) => `${n % 2 === 0 ? 'contracts' : 'odd/'}/${String(n).padStart(9, '0')}.pdf`

const store = join(folder, 'store')
mkdirSync(store)
// One sealing thread, as the daemon has on two cores.
const repository = testRepository(directoryStore({ path: store, create: false, clock: systemClock }), {
  seals: createSealPool(1),
})
const parts = { repository, config: { stateDirectory: folder } } as unknown as Parts
const context: JobContext = { run: 'aaaaaaaaaaaa' as never, signal: never, emit: () => {} }
const peak = () => Math.round(process.resourceUsage().maxRSS / 1024)
const peakMegabytes: Record<string, number> = { start: peak() }
const seconds: Record<string, number> = {}

async function measured<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await work()
  seconds[what] = Math.round((performance.now() - start) / 100) / 10
  peakMegabytes[what] = peak()
  return result
}

const made = await measured('archive', () =>
  archiveBytes(repository, madeUpFiles(count, name), { spoolFolder: folder }),
)
const request = { subject: ACME, archive: 'latest' }
const { members: verified } = await measured('verify', () => verifyArchive(parts, request, context))
let shown = 0
await measured('show', async () => {
  for await (const _ of archiveItems(await openArchive(parts, ACME, 'latest', never))) shown += 1
})
const last = (count - 1) % 2 === 0 ? count - 1 : count - 2
const member = `documents/contracts/${String(last).padStart(9, '0')}.pdf`
const file = join(folder, 'extracted')
const { bytes } = await measured('extract', () =>
  extractArchive(parts, { ...request, member, file }, context),
)
await repository.close()
const figures = { members: made.members, verified, shown, extracted: `${member}, ${bytes} bytes` }
const archiveMegabytes = made.archive.bytes / 1e6
process.stdout.write(JSON.stringify({ ...figures, archiveMegabytes, seconds, peakMegabytes }))
