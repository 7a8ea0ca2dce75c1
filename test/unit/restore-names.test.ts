// The names that restores give: a name alone tells whose a database is, so nothing else is ever taken for a tenant, or dropped.
import { expect, test } from 'vitest'
import type { RunId } from '../../src/domain/ids.js'
import {
  keptName,
  keptRun,
  notedDatabase,
  schemaNote,
  stagingName,
  stagingRun,
  UNPROVEN_NOTE,
  unprovenRun,
} from '../../src/domain/restore-names.js'

const RUN = '0123456789ab' as RunId

test('fit, are told from all others, and never break a letter', () => {
  for (const name of ['a', 'x'.repeat(63), 'é'.repeat(31), '🙂'.repeat(15)]) {
    const kept = keptName(name, RUN)
    expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(63)
    expect([keptRun(kept), kept.isWellFormed()]).toEqual([RUN, true])
    expect(kept).not.toContain('\ufffd')
  }
  expect([stagingRun(stagingName(RUN)), keptRun(stagingName(RUN))]).toEqual([RUN, null])
})

test.each([
  'gmah_org_acme',
  'x__before_0123',
  `x__before_${RUN}_of_mine`,
  `x__before_${RUN}0`,
  `x_before_${RUN}`,
  `restoring_${RUN}_of_mine`,
  `restoring_${RUN}0`,
  `my_restoring_${RUN}`,
  'restoring_0123456789aB',
])('%s is nobody’s but its owner’s', name => {
  expect([stagingRun(name), keptRun(name)]).toEqual([null, null])
})

test('a schema is ours only with our note on it, whatever it is called', () => {
  const schema = stagingName(RUN)
  expect(unprovenRun(schema, UNPROVEN_NOTE)).toBe(RUN)
  expect(unprovenRun('public', UNPROVEN_NOTE)).toBeNull()
  for (const comment of [null, '', 'mine', schemaNote('gmah_org_acme', '16384')])
    expect(unprovenRun(schema, comment)).toBeNull()
})

test('a note tells of a database by its number, and another comment of none', () => {
  expect(notedDatabase(schemaNote('odd (name) (1)', '16384'))).toBe('16384')
  for (const comment of [null, '', 'the live one (16384)', UNPROVEN_NOTE])
    expect(notedDatabase(comment)).toBeNull()
})
