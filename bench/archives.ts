// node dist/bench/archives.js [--megabytes n] [--files n] [--file-kilobytes n] (after npm run build).
// One archive of a dump and files into a directory store: MB of content a second, what zstd made of it, memory, event loop.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { directoryStore } from '../src/store/directory.js'
import type { Store } from '../src/store/port.js'
import { systemClock } from '../src/sys/clock.js'
import { archiveBytes } from '../test/kit/archives.js'
import { noise } from '../test/kit/noise.js'
import { ACME, testRepository } from '../test/kit/repository.js'

const MB = 1_000_000
const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '200' },
    files: { type: 'string', default: '2000' },
    'file-kilobytes': { type: 'string', default: '250' },
  },
})
const [megabytes, files, kilobytes] = [values.megabytes, values.files, values['file-kilobytes']].map(
  Number,
) as [number, number, number]

const folder = await mkdtemp(join(tmpdir(), 'gmah-bench-archives-'))
const repository = testRepository(directoryStore({ path: folder, clock: systemClock }), {
  compressionLevel: 3,
})
try {
  // Half of a dump's bytes repeat; documents are compressed already.
  const dump = Buffer.alloc(megabytes * MB)
  for (let at = 0; at < dump.length; at += 2 * MB) dump.set(noise(Math.min(MB, dump.length - at), at), at)
  const document = noise(kilobytes * 1000, 7)
  const store = generated(files, document)
  const delay = monitorEventLoopDelay({ resolution: 10 })
  const started = performance.now()
  delay.enable()
  const index = await archiveBytes(repository, store, { dump })
  delay.disable()
  const seconds = (performance.now() - started) / 1000
  const contentBytes = dump.length + files * document.length
  const report = {
    contentMegabytes: contentBytes / MB,
    storedMegabytes: index.archive.bytes / MB,
    seconds,
    megabytesPerSecond: contentBytes / MB / seconds,
    rssMegabytes: (process.resourceUsage().maxRSS * 1024) / MB,
    /** Of what the benchmark itself holds: the dump in memory. */
    heldMegabytes: dump.length / MB,
    loopP99Ms: Math.max(0, delay.percentile(99) / 1e6 - 10),
  }
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
} finally {
  await repository.close()
  await rm(folder, { recursive: true, force: true })
}

/** A store of so many files with one content, which takes no room. */
function generated(count: number, content: Uint8Array): Store {
  const base = directoryStore({ path: folder, clock: systemClock })
  const modifiedAt = new Date('2026-01-01T00:00:00Z')
  return {
    ...base,
    list: async function* (prefix) {
      for (let n = 0; n < count; n++)
        yield {
          key: `${prefix}${String(n).padStart(8, '0')}.pdf`,
          bytes: content.length,
          modifiedAt,
          version: 'v',
        }
    },
    getRange: async (key, range, options) =>
      key.startsWith(`${ACME}/documents/`)
        ? {
            body: content.slice(range.start, range.start + range.bytes),
            totalBytes: content.length,
            version: 'v',
            modifiedAt,
          }
        : base.getRange(key, range, options),
  }
}
