// The errands about the servers' snapshots: one made by hand, one removed on purpose.
import { z } from 'zod'
import type { Errand } from './errand.js'
import { createSnapshot, deleteSnapshot, type ManualRequest } from './manual-snapshots.js'
import type { SnapshotReport } from './snapshot-server.js'
import { SNAPSHOTS_LOCK } from './snapshot-servers.js'

const createRequest = z.strictObject({
  server: z.string().min(1).max(253),
  description: z.string().min(1).max(200).nullable(),
  shutdown: z.boolean(),
})

export const SNAPSHOT_CREATE: Errand<ManualRequest, SnapshotReport> = {
  name: 'snapshot-create',
  asks: createRequest,
  job: () => ({ name: 'snapshot-create', lock: SNAPSHOTS_LOCK }),
  perform: async (parts, asked, context) => {
    const told = await createSnapshot(parts, asked, context)
    const { image, server } = told.snapshot
    return { outcome: 'succeeded', facts: { image, server }, told }
  },
}

const deleteRequest = z.strictObject({ image: z.int().positive() })

export const SNAPSHOT_DELETE: Errand<z.output<typeof deleteRequest>, { image: number; server: string }> = {
  name: 'snapshot-delete',
  asks: deleteRequest,
  job: () => ({ name: 'snapshot-delete', lock: SNAPSHOTS_LOCK }),
  perform: async (parts, { image }, context) => {
    const told = await deleteSnapshot(parts, image, context)
    return { outcome: 'succeeded', facts: told, told }
  },
}
