// /v1/errands and /v1/questions, on the socket alone: what the command line lets the daemon do, so that the two never fight
// over a lease, and what it shows before.
import type { z } from 'zod'
import type { Errand } from '../../jobs/errand.js'
import {
  RESTORE,
  RESTORE_ARCHIVE,
  RESTORE_GLOBALS,
  RESTORE_IN_PLACE,
  RESTORE_INTO_SCHEMA,
  RESTORE_UNDO,
  SWEEP_KEPT,
} from '../../jobs/errands-restore.js'
import { SNAPSHOT_CREATE, SNAPSHOT_DELETE } from '../../jobs/errands-snapshot.js'
import { ARCHIVE, ARCHIVE_VERIFY, CHECK, PIN, SWEEP, UNPIN, VERIFY } from '../../jobs/errands-store.js'
import { reportText } from '../../jobs/kept-report.js'
import { KEPT, PLAN_RESTORE, type Question, RETENTION, ROLES, UNDO } from '../../jobs/question.js'
import { startAnswers, startErrand } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

/** The person at the command line has read the plan and typed the name there; whoever opens the socket is the daemon's own user. */
export function errandRoutes(server: ApiServer, works: Works): void {
  addErrand(server, works, RESTORE)
  addErrand(server, works, RESTORE_ARCHIVE)
  addErrand(server, works, RESTORE_IN_PLACE)
  addErrand(server, works, RESTORE_INTO_SCHEMA)
  addErrand(server, works, RESTORE_UNDO)
  addErrand(server, works, RESTORE_GLOBALS)
  addErrand(server, works, SWEEP_KEPT)
  addErrand(server, works, CHECK)
  addErrand(server, works, VERIFY)
  addErrand(server, works, SWEEP)
  addErrand(server, works, ARCHIVE)
  addErrand(server, works, ARCHIVE_VERIFY)
  addErrand(server, works, PIN)
  addErrand(server, works, UNPIN)
  addErrand(server, works, SNAPSHOT_CREATE)
  addErrand(server, works, SNAPSHOT_DELETE)
  addQuestion(server, works, PLAN_RESTORE)
  addQuestion(server, works, ROLES)
  addQuestion(server, works, KEPT)
  addQuestion(server, works, UNDO)
  addQuestion(server, works, RETENTION)
}

function addErrand<Asked, Told>(server: ApiServer, works: Works, errand: Errand<Asked, Told>): void {
  const { name, asks } = errand
  const schema = { hide: true, body: asks as z.ZodType, response: startAnswers }
  const config = { needs: 'admin', changes: name } as const
  server.post(`/errands/${name}`, { schema, config }, async (request, reply) => {
    const asked = request.body as Asked
    const about = { request, wait: false, subject: errand.job(asked).subject ?? null }
    const { status, run } = await startErrand(works, about, errand, asked)
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}

function addQuestion<Asked, Told>(server: ApiServer, works: Works, question: Question<Asked, Told>): void {
  const { name, asks } = question
  const schema = { hide: true, body: asks as z.ZodType }
  const config = { needs: 'admin', reads: true } as const
  server.post(`/questions/${name}`, { schema, config }, async (request, reply) => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, works.stopping])
    const told = await question.answer(await works.freshParts(), request.body as Asked, signal)
    return reply.type('application/json').send(reportText(told))
  })
}
