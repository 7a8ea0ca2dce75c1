// /v1/snapshots: the servers' snapshots at the provider, and making one now. For tokens of the platform as a whole.
import { z } from 'zod'
import { sheetSchema } from '../../domain/recovery-sheet.js'
import { SNAPSHOT_CREATE, SNAPSHOT_DELETE } from '../../jobs/errands-snapshot.js'
import { findSheet, listSnapshots } from '../../jobs/list-snapshots.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, SECURITY } from '../shapes.js'
import { startAnswers, startErrand, startHeaders, waitField } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const tags = ['snapshots']

const snapshotShape = z.strictObject({
  image: z.int().describe("The provider's id"),
  server: z.string(),
  serverId: z.int().nullable(),
  created: z.string(),
  status: z
    .string()
    .describe('available, creating, unavailable; gone: only its sheet is left; unasked: no token'),
  sizeGb: z.number().nullable(),
  costPerMonth: z.number().nullable().describe('Net'),
  schedule: z.string().nullable(),
  ours: z.boolean(),
  held: z.string().nullable().describe('Why it stays whatever the schedule keeps'),
  sheet: z.string().nullable().describe('Key of its recovery sheet in the store'),
})

const newSnapshot = z.strictObject({
  server: z.string().min(1).max(253).describe('Its name at the provider'),
  description: z.string().min(1).max(200).optional(),
  shutdown: z
    .boolean()
    .default(false)
    .describe('Shut it down for the snapshot and start it again: it is away for minutes'),
  wait: waitField,
})

export function snapshotRoutes(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Every snapshot of the project, and every recovery sheet; without a token the sheets alone',
    security: SECURITY,
    response: answers({ 200: z.strictObject({ off: z.boolean(), snapshots: z.array(snapshotShape) }) }),
  }
  server.get('/snapshots', { schema, config: { needs: 'viewer' } }, async request => {
    assertSees(callerOf(request), null)
    const parts = works.parts()
    return { off: parts.hetzner === null, snapshots: await listSnapshots(parts, works.stopping) }
  })
  createRoute(server, works)
  sheetRoute(server, works)
  deleteRoute(server, works)
}

function sheetRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'The recovery sheet of a snapshot: all that is needed to make such a server anew',
    security: SECURITY,
    params: z.strictObject({
      id: z
        .string()
        .regex(/^latest$|^\d{1,15}$/)
        .describe('A snapshot, or latest'),
    }),
    querystring: z.strictObject({
      server: z.string().min(1).max(253).optional().describe('The latest of this server'),
    }),
    response: answers({ 200: sheetSchema }),
  }
  server.get('/snapshots/:id/sheet', { schema, config: { needs: 'operator' } }, async request => {
    assertSees(callerOf(request), null)
    const { server: name = null } = request.query
    return findSheet(await works.freshParts(), { which: request.params.id, server: name })
  })
}

function deleteRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Remove one of our snapshots and its sheet; the newest, protected and kept ones are refused',
    security: SECURITY,
    headers: startHeaders,
    params: z.strictObject({ id: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER) }),
    response: startAnswers,
  }
  const config = { needs: 'admin', changes: 'snapshot-delete' } as const
  server.delete('/snapshots/:id', { schema, config }, async (request, reply) => {
    assertSees(callerOf(request), null)
    const { id: image } = request.params
    const asked = { request, wait: true, subject: null, about: `snapshot ${image}` }
    const { status, run } = await startErrand(works, asked, SNAPSHOT_DELETE, { image })
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}

function createRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Make a snapshot of a server now; no schedule removes it',
    security: SECURITY,
    headers: startHeaders,
    body: newSnapshot,
    response: startAnswers,
  }
  const config = { needs: 'operator', changes: 'snapshot' } as const
  server.post('/snapshots', { schema, config }, async (request, reply) => {
    assertSees(callerOf(request), null)
    const { wait, description = null, ...named } = request.body
    const order = { ...named, description }
    const { status, run } = await startErrand(works, { request, wait, subject: null }, SNAPSHOT_CREATE, order)
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}
