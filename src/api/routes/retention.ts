// /v1/retention and /v1/sweeps: what the policy keeps and why, and carrying that out.
import { z } from 'zod'
import { subjectNamed } from '../../domain/subject.js'
import { lookWhoIsThere } from '../../jobs/departures.js'
import { endOfSweep, sweepStore } from '../../jobs/sweep-store.js'
import { type RetentionView, viewRetention } from '../../jobs/view-retention.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, SECURITY, tenantName } from '../shapes.js'
import { startAnswers, startHeaders, startJob, waitField } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const decision = z.strictObject({
  backup: z.string(),
  instant: z.date(),
  kind: z.string(),
  verdict: z.enum(['keep', 'remove']),
  reasons: z.array(z.strictObject({ why: z.string(), detail: z.string() })),
})

const retention = z.strictObject({
  subjects: z.array(
    z.strictObject({
      subject: z.string(),
      remove: z.int(),
      freedBytes: z.number(),
      nextRemoval: z.date().nullable(),
      protectedBecause: z.string().nullable().describe('Why no chunk will be deleted'),
      backups: z.array(decision),
    }),
  ),
  problems: z.array(
    z.strictObject({ subject: z.string(), code: z.string(), message: z.string(), hint: z.string() }),
  ),
  held: z.int().describe('How many removals wait for a yes'),
  refused: z.string().nullable().describe('Why nothing at all would be removed without a yes'),
})

const tags = ['retention']
const LOOK_MS = 120_000

export function retentionRoutes(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'What would be kept and removed now, and every reason; removes nothing',
    security: SECURITY,
    querystring: z.strictObject({ tenant: tenantName.optional() }),
    response: answers({ 200: retention }),
  }
  server.get('/retention', { schema, config: { needs: 'viewer' } }, async request => {
    const { tenant } = request.query
    const only = tenant === undefined ? null : subjectNamed(tenant)
    assertSees(callerOf(request), only)
    const signal = AbortSignal.timeout(LOOK_MS)
    const parts = works.parts()
    return view(await viewRetention(parts, await lookWhoIsThere(parts, signal), only, signal))
  })
  sweepRoute(server, works)
}

function sweepRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Remove what the policy no longer keeps',
    security: SECURITY,
    headers: startHeaders,
    body: z.strictObject({
      yesRemove: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .describe('The number that a refused sweep asked for'),
      wait: waitField,
    }),
    response: startAnswers,
  }
  server.post('/sweeps', { schema, config: { needs: 'admin', changes: 'sweep' } }, async (request, reply) => {
    assertSees(callerOf(request), null)
    const { yesRemove = null, wait } = request.body
    const asked = { request, wait, subject: null }
    const { status, run } = await startJob(works, asked, { name: 'sweep' }, async (parts, context) => {
      const present = await lookWhoIsThere(parts, context.signal)
      return endOfSweep(await sweepStore(parts, { present, yesRemove }, context))
    })
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}

const view = ({ subjects, problems, verdict }: RetentionView): z.output<typeof retention> => ({
  subjects: subjects.map(({ decisions, ...more }) => ({
    ...more,
    backups: decisions.map(({ copy, verdict: decided, reasons }) => ({
      backup: copy.id,
      instant: copy.instant,
      kind: copy.kind,
      verdict: decided,
      reasons: reasons.map(({ why, detail }) => ({ why, detail })),
    })),
  })),
  problems: problems.map(({ subject, failure: { code, message, hint } }) => ({
    subject,
    code,
    message,
    hint,
  })),
  held: verdict.held,
  refused: verdict.all,
})
