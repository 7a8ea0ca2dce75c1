// What `archive show` prints as it reads an index: for a person a line each, for a machine one JSON document, however long.
import { expect, test } from 'vitest'
import { contentsJson, contentsLines } from '../../src/cli/archive-text.js'
import type { ArchiveHead } from '../../src/domain/archive.js'
import type { ArchiveItem } from '../../src/jobs/open-archive.js'

const HEAD: ArchiveHead = {
  format: 1,
  tool: 'gmah-backup 0.1.0',
  subject: 'tenants/acme',
  name: '2026-12',
  createdAt: '2026-12-01T03:30:00.000Z',
  backup: 'aaaaaaaaaaaa',
  instant: '2026-12-01T01:30:00.000Z',
  archive: { bytes: 1_234_567, sha256: 'ab'.repeat(32) },
  payloadAt: 200,
  tarBytes: 2_000_000,
  frames: { bytes: 524_288 },
}
const ENTRIES = ['README.txt', 'documents/line\nbreak'].map((name, n) => ({
  ...{ name, offset: n * 1024, bytes: 12_345 * n, sha256: `${n}`.repeat(64) },
}))
const GONE = { key: 'tenants/acme/documents/gone', what: 'missing', detail: 'it was deleted' } as const

async function* items(entries = ENTRIES, exceptions = [GONE]): AsyncGenerator<ArchiveItem> {
  for (const item of entries) yield { list: 'entries', item }
  for (const item of exceptions) yield { list: 'exceptions', item }
}

async function all(lines: AsyncIterable<string>): Promise<string> {
  const found: string[] = []
  for await (const line of lines) found.push(line)
  return found.join('\n')
}

test('for a person: every file on one line, in the end what is not in it', async () => {
  expect(await all(contentsLines(HEAD, items()))).toBe(
    `acme 2026-12: database as of 2026-12-01 01:30:00Z, 1.23 MB stored and read back
backup aaaaaaaaaaaa, made 2026-12-01 03:30:00Z by gmah-backup 0.1.0

   size  sha256        file
    0 B  000000000000  README.txt
12.3 kB  111111111111  documents/line\\nbreak

  NOT ARCHIVED: tenants/acme/documents/gone: it was deleted

2 files; 1 not as listed`,
  )
})

test.each([
  ['all of it', ENTRIES, [GONE]],
  ['without exceptions', ENTRIES, []],
  ['nothing but exceptions', [], [GONE, GONE]],
  ['nothing', [], []],
])('for a machine, %s: one document', async (_, entries, exceptions) => {
  const { frames: __, ...facts } = HEAD
  const told = JSON.parse(await all(contentsJson(HEAD, items(entries, exceptions))))
  expect(told).toEqual({ ...facts, indexed: true, entries, exceptions })
})
