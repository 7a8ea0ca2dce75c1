// /v1/playbooks: reading them, running one, and allowing one that waits to go on.
import { z } from 'zod'
import { type KnownAtOnce, playedBackups } from '../../jobs/known-at-once.js'
import { assertMeant } from '../../jobs/planned-playbook.js'
import {
  type Asker,
  allPlaybooks,
  playbookNamed,
  resumePlaybook,
  startPlaybook,
} from '../../jobs/playbook-desk.js'
import { assertSees, type Caller } from '../caller.js'
import { callerOf } from '../guard.js'
import { playbookRunShape, playbookRunView, playbookShape, playbookView } from '../playbook-shape.js'
import { answers, limitQuery, SECURITY } from '../shapes.js'
import { start, startAnswers, startHeaders, stepByStep, waitField } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const tags = ['playbooks']
const viewer = { needs: 'viewer' } as const
const byName = z.strictObject({ name: z.string().min(1).max(100) })
const byId = z.strictObject({ id: z.string().regex(/^[0-9a-f]{12}$/) })
const tenant = z.string().min(1).max(200)
const newRun = z.strictObject({
  set: z.record(z.string().max(100), z.string().max(400)).default({}).describe("The playbook's parameters"),
  confirm: z
    .union([tenant, z.array(tenant).max(1000)])
    .default([])
    .describe('The name of each tenant that is restored in place, typed out; a single one may stand alone'),
  wait: waitField,
})

export function playbookRoutes(server: ApiServer, works: Works): void {
  readRoutes(server, works)
  startRoute(server, works)
  goOnRoute(server, works, 'resume', 'Go on with one that stopped', () => null)
  goOnRoute(server, works, 'approve', 'Allow one that waits to go on, and go on', asker => asker)
}

function readRoutes(server: ApiServer, works: Works): void {
  const shared = { tags, security: SECURITY }
  const list = {
    ...shared,
    summary: 'Every playbook',
    response: answers({ 200: z.strictObject({ playbooks: z.array(playbookShape) }) }),
  }
  server.get('/playbooks', { schema: list, config: viewer }, async () => ({
    playbooks: allPlaybooks(works.playbooksFolder()).map(playbookView),
  }))
  const show = {
    ...shared,
    summary: 'One playbook',
    params: byName,
    response: answers({ 200: playbookShape }),
  }
  server.get('/playbooks/:name', { schema: show, config: viewer }, async request =>
    playbookView(playbookNamed(works.playbooksFolder(), request.params.name)),
  )
  const runs = {
    ...shared,
    summary: 'Playbooks that were run, newest first, step by step',
    querystring: z.strictObject({ limit: limitQuery(200, 20) }),
    response: answers({ 200: z.strictObject({ runs: z.array(playbookRunShape) }) }),
  }
  server.get('/playbook-runs', { schema: runs, config: viewer }, async request => {
    assertSees(callerOf(request), null)
    return { runs: works.playbookRuns.list(request.query.limit).map(playbookRunView) }
  })
}

function startRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Run a playbook',
    security: SECURITY,
    params: byName,
    headers: startHeaders,
    body: newRun,
    response: startAnswers,
  }
  const config = { needs: 'admin', changes: 'playbook run' } as const
  server.post('/playbooks/:name/runs', { schema, config }, async (request, reply) => {
    const caller = callerOf(request)
    assertSees(caller, null)
    const { set, confirm, wait } = request.body
    const named = () => playbookNamed(works.playbooksFolder(), request.params.name)
    const known: KnownAtOnce = async (parts, signal) => playedBackups(named(), set)(parts, signal)
    // The command line tells of the run that failed of it, as it does without a daemon.
    const asked = { request, wait, subject: null, ...(caller.token === null ? {} : { known }) }
    const { status, run } = await start(works, asked, async runner => {
      const playbook = named()
      assertMeant(playbook, set, [confirm].flat())
      const parts = await works.freshParts()
      const asker = askerOf(works, caller)
      return stepByStep(request, runner, runJob =>
        startPlaybook(parts, works.playbookRuns, playbook, set, runJob, asker),
      )
    })
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}

/** Who is at the machine is asked no more than without the daemon. */
const askerOf = (works: Works, { who, token }: Caller): Asker => ({
  who,
  secondPerson: token !== null && works.parts().config.api.approval === 'required',
})

function goOnRoute(
  server: ApiServer,
  works: Works,
  verb: 'resume' | 'approve',
  summary: string,
  approver: (asker: Asker) => Asker | null,
): void {
  const schema = {
    tags,
    summary,
    security: SECURITY,
    params: byId,
    headers: startHeaders,
    body: z.strictObject({ wait: waitField }),
    response: startAnswers,
  }
  const config = { needs: 'admin', changes: `playbook ${verb}` } as const
  server.post(`/playbook-runs/:id/${verb}`, { schema, config }, async (request, reply) => {
    const caller = callerOf(request)
    assertSees(caller, null)
    const asker = askerOf(works, caller)
    const asked = { request, wait: request.body.wait, subject: null }
    const { status, run } = await start(works, asked, async runner => {
      const parts = await works.freshParts()
      return stepByStep(request, runner, runJob =>
        resumePlaybook(parts, works.playbookRuns, request.params.id, approver(asker), runJob),
      )
    })
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}
