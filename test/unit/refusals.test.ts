// The pure rules by which a restore is refused, its failure named and a month of archives summed up.
import { expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { type ArchivesReport, endOfArchives } from '../../src/jobs/archive-tenants.js'
import { backupNamed } from '../../src/jobs/verify.js'
import { explainRestoreEnd } from '../../src/postgres/load.js'
import { assertExtensions } from '../../src/restore/live-schema.js'
import { assertFits } from '../../src/verify/scratch-disk.js'

const citext = { name: 'citext', schema: 'public' }

test('an extension counts as there only in the schema that the tables name it in', () => {
  const needed = [citext, { name: 'postgis', schema: 'maps' }]
  expect(() => assertExtensions('live', needed, [...needed, { name: 'hstore', schema: 'x' }])).not.toThrow()
  expect(() => assertExtensions('live', needed, [citext, { name: 'postgis', schema: 'public' }])).toThrow(
    expect.objectContaining({
      code: 'extension-missing',
      message: 'live lacks the extensions postgis (schema maps)',
    }),
  )
  expect(() => assertExtensions('live', needed, [])).toThrow(/citext \(schema public\), postgis/)
})

test('the words of a pg_restore that was killed explain nothing: they may be of what it got over', () => {
  const stderr = 'pg_restore: error: could not execute query: ERROR:  permission denied for schema public'
  expect(explainRestoreEnd({ exitCode: 1, endedBy: null, stderr }, 'x').code).toBe('postgres-denied')
  expect(explainRestoreEnd({ exitCode: null, endedBy: 'SIGKILL', stderr }, 'x')).toMatchObject({
    code: 'restore-failed',
    facts: { endedBy: 'SIGKILL' },
  })
})

test('a test restore fits when there is as much as it needs, and where nobody can say what there is', () => {
  expect(() => assertFits(5e6, 5e6, '/scratch')).not.toThrow()
  expect(() => assertFits(5e6, null, '/scratch')).not.toThrow()
  expect(() => assertFits(5e6, 4_999_999, '/scratch')).toThrow(
    expect.objectContaining({ code: 'disk-full', facts: { neededBytes: 5e6, freeBytes: 4_999_999 } }),
  )
})

test('what looks like an id is the tenant of that name where it has a backup, else the backup', () => {
  const catalogue = {
    list: ({ subject }: { subject: string }) => (subject === 'tenants/beef' ? [{}] : []),
    find: (id: string) => ({ subject: 'tenants/acme', id: `${id}00000000` }),
  } as never
  expect(backupNamed({ catalogue }, 'beef')).toEqual({ subject: 'tenants/beef', backup: 'latest' })
  expect(backupNamed({ catalogue }, 'cafe')).toEqual({ subject: 'tenants/acme', backup: 'cafe00000000' })
  expect(backupNamed({ catalogue }, 'globex')).toEqual({ subject: 'tenants/globex', backup: 'latest' })
})

test('a month of archives: whole, in part, or none of them', () => {
  const made = (missing: number) => ({ missing }) as ArchivesReport['stored'][number]
  const failed = { subject: 'tenants/acme' as never, failure: new Failure('store-unreachable', 'away') }
  const end = (report: Partial<ArchivesReport>) =>
    endOfArchives({ stored: [], skipped: [], failed: [], ...report })
  expect(end({})).toMatchObject({ outcome: 'succeeded' })
  expect(end({ stored: [made(0)] })).toMatchObject({ outcome: 'succeeded', facts: { archived: 1 } })
  expect(end({ stored: [made(0), made(2)] })).toMatchObject({ outcome: 'partial', facts: { missing: 2 } })
  expect(end({ stored: [made(0)], failed: [failed] })).toMatchObject({
    outcome: 'partial',
    facts: { failed: 1 },
  })
  expect(() => end({ failed: [failed] })).toThrow(failed.failure)
  expect(() => end({ failed: [failed, failed] })).toThrow(expect.objectContaining({ code: 'partial' }))
})
