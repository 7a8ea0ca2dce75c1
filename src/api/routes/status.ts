// /v1/status: is everyone inside their windows? The page of `gmah-backup status`, for machines.
import { z } from 'zod'
import { platformStatus } from '../../jobs/status.js'
import { statusDocument } from '../../jobs/status-document.js'
import { TROUBLES } from '../../jobs/status-judgement.js'
import { sees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, SECURITY } from '../shapes.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const SERVER_WITHIN_MS = 30_000

const subject = z.strictObject({
  subject: z.string(),
  living: z.boolean().nullable().describe('False: its database is gone, or left out; null: nobody could ask'),
  leftOut: z.string().nullable().describe('Why its database, which is on the server, is not backed up'),
  newest: z
    .strictObject({ id: z.string(), instantMs: z.number(), bytes: z.number() })
    .nullable()
    .describe('What a restore would take'),
  latest: z.string().nullable().describe('The newest there is, broken or not'),
  firstMs: z.number().nullable(),
  provenAtMs: z.number().nullable(),
  broken: z.array(z.strictObject({ id: z.string(), level: z.string() })).readonly(),
  storedBytes: z.number(),
  expectedSeconds: z.number().nullable().describe('What a restore with its proof should take'),
  rpoSeconds: z.number().nullable().describe('Data that would be lost now; null: all of it'),
  proofAgeSeconds: z.number().nullable(),
  troubles: z.array(z.enum(TROUBLES)).describe('Worst first; none: inside every window'),
})

const layer = { off: z.string().nullable().describe('Why none is made by itself'), next: z.date().nullable() }

const snapshots = z.strictObject({
  ...layer,
  servers: z.array(
    z.strictObject({
      ...{ server: z.string(), serverId: z.int(), image: z.int(), label: z.string(), schedule: z.string() },
      ...{ created: z.string(), sizeGb: z.number(), diskGb: z.number(), durationMs: z.number() },
      ...{ costPerMonth: z.number().nullable(), currency: z.string().nullable() },
      ...{ adopted: z.boolean(), sheet: z.string() },
    }),
  ),
})

const archives = z.strictObject({
  ...layer,
  newest: z
    .strictObject({
      ...{ month: z.string(), at: z.date(), subjects: z.int(), bytes: z.number(), missingFiles: z.int() },
      ...{ costPerMonth: z.number(), currency: z.string() },
    })
    .nullable(),
  without: z.array(z.string()),
})

const putAside = z.strictObject({
  databases: z.int(),
  bytes: z.number(),
  firstUntil: z.date().nullable(),
})

const page = z.strictObject({
  ok: z.boolean(),
  at: z.date(),
  tenants: z.strictObject({
    windows: z.strictObject({ backupMs: z.number().nullable(), proofMs: z.number().nullable() }),
    subjects: z.array(subject),
    problems: z.array(z.strictObject({ code: z.string(), message: z.string(), hint: z.string() })),
  }),
  storedCost: z.strictObject({ amount: z.number(), currency: z.string() }).nullable(),
  putAside: putAside.nullable().describe('By restores in place; null: not known'),
  snapshots: snapshots.nullable(),
  archives: archives.nullable(),
  schedules: z.array(
    z.strictObject({
      ...{ schedule: z.string(), job: z.string(), lastSuccess: z.date().nullable() },
      ...{ lastOutcome: z.string().nullable(), next: z.date().nullable(), paused: z.boolean() },
      trouble: z.string().nullable(),
    }),
  ),
})

export function statusRoutes(server: ApiServer, works: Works): void {
  const schema = {
    tags: ['status'],
    summary:
      'Is everyone inside their windows, worst first; the layers below too, for tokens of the platform',
    security: SECURITY,
    response: answers({ 200: page }),
  }
  server.get('/status', { schema, config: { needs: 'viewer' } }, async request => {
    const caller = callerOf(request)
    const whole = sees(caller, null)
    const signal = AbortSignal.any([AbortSignal.timeout(SERVER_WITHIN_MS), works.stopping])
    const status = await platformStatus(works.parts(), works.scheduler.status(), signal, { whole })
    const subjects = status.subjects.filter(one => sees(caller, one.subject))
    return statusDocument({ ...status, subjects }, { whole })
  })
}
