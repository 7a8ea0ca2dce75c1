// Which swaps are put right at a start: those of runs that are over, and never one that is in the middle of it.
import { expect, test } from 'vitest'
import type { Parts } from '../../src/jobs/parts.js'
import { repairSwaps } from '../../src/jobs/repair-swaps.js'
import { openState } from '../kit/state.js'

/** Where no server is: whoever asks one fails. */
const postgres = { host: '/nonexistent', port: 5432, user: 'postgres', pgbouncer: null }

test('a swap of a run that goes on is its own affair, and one that has ended needs nothing', async () => {
  const { journal, clock } = openState()
  const parts = { config: { postgres }, clock } as unknown as Parts
  const { id: run } = journal.startRun({ job: 'restore', trigger: 'manual' })
  const names = { live: 'gmah_org_a', incoming: 'restoring_x', kept: null }
  journal.event({ type: 'swap-step', run, subject: null, facts: { ...names, step: 'close' } })
  expect(await repairSwaps(parts, journal)).toEqual({ repaired: [], problems: [] })
  journal.finishRun(run, { outcome: 'failed' })
  await expect(repairSwaps(parts, journal)).rejects.toMatchObject({ code: 'postgres-unreachable' })
  journal.event({ type: 'swap-repaired', run, subject: null, facts: { ...names, outcome: 'as-before' } })
  expect(await repairSwaps(parts, journal)).toEqual({ repaired: [], problems: [] })
})
