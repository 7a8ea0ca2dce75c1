// The ways in which a playbook's step ends before its time: too long, failed and gone past, cancelled; and what comes after.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { resumePlaybook, startPlaybook } from '../../src/jobs/playbook-desk.js'
import type { PlaybookRun } from '../../src/jobs/playbook-runs.js'
import type { RunJob } from '../../src/jobs/playbook-steps.js'
import { parsePlaybook } from '../../src/restore/playbook-files.js'
import { until } from '../kit/clock.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { type Installation, install } from '../kit/installation.js'

let cluster: Cluster
let here: Installation
beforeAll(async () => {
  cluster = await startCluster()
  here = await install(cluster.target)
  await cluster.sql('postgres', 'CREATE TABLE done (step text)')
})
afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

/** As a process of its own runs jobs. */
const runJob: RunJob = async (job, work) => {
  const done: { result?: Awaited<ReturnType<typeof work>>['result'] } = {}
  const { failure } = await here.app.runner.run({ ...job, trigger: 'manual' }, async context => {
    const { result, ...end } = await work(context)
    done.result = result
    return end
  })
  if (failure) throw failure
  return done.result as NonNullable<typeof done.result>
}

const sql = (name: string, statement: string, more = '') =>
  `  - { do: run-sql, name: ${name}, database: postgres, sql: "${statement}"${more} }`
const playbook = (name: string, ...steps: string[]) =>
  parsePlaybook(name, `---\ntitle: t\nsteps:\n${steps.join('\n')}\n---\n# t\n`)
const begin = (...asked: Parameters<typeof playbook>): Promise<PlaybookRun> =>
  startPlaybook(here.parts(), here.app.playbookRuns, playbook(...asked), {}, runJob)
const states = ({ state, steps }: PlaybookRun) => [state, ...steps.map(one => one.state)]

test('a step that fails and may is gone past, and told', async () => {
  const run = await begin(
    'past',
    sql('fails', 'SELECT 1 / 0', ', on_failure: go-on'),
    sql('after it', "INSERT INTO done VALUES ('past')"),
  )
  expect(states(run)).toEqual(['succeeded', 'failed', 'done'])
  expect(run.steps[0]?.error?.code).toBe('postgres-failed')
  expect(await cluster.sql('postgres', "SELECT 1 AS n FROM done WHERE step = 'past'")).toEqual([{ n: 1 }])
})

test('a step that takes longer than it may is ended, and nothing after it is done', async () => {
  const slow = playbook('slow', sql('sleeps', 'SELECT pg_sleep(3600)'), sql('never', 'DROP TABLE done'))
  const steps = slow.steps.map(step => ({ ...step, timeout: 5_000 }))
  let over = false
  const ended = startPlaybook(here.parts(), here.app.playbookRuns, { ...slow, steps }, {}, runJob).finally(
    () => {
      over = true
    },
  )
  const going = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)' AND state = 'active'"
  // The step's time is real: only on a machine that does nothing for seconds is it over before the server has begun.
  await until(async () => over || (await cluster.sql('postgres', going)).length > 0)
  const run = await ended
  expect(states(run)).toEqual(['failed', 'failed', 'pending'])
  expect(run.steps[0]?.error?.code).toBe('deadline-passed')
  // Nor does the server go on with it.
  expect(await cluster.sql('postgres', going)).toEqual([])
})

test('cancelled as a whole it ends with the step that it is in, goes past nothing, and can be resumed', async () => {
  const { runner, journal, playbookRuns } = here.app
  await cluster.sql('postgres', 'CREATE TABLE held (n int)')
  const holder = cluster.sql('postgres', 'BEGIN; LOCK TABLE held; SELECT pg_sleep(3600)')
  holder.catch(() => {})
  const locked = "SELECT 1 FROM pg_locks WHERE relation = 'held'::regclass AND"
  const thereIs = async (which: string) => (await cluster.sql('postgres', `${locked} ${which}`)).length > 0
  await until(() => thereIs('granted'))
  const ended = begin(
    'held',
    sql('waits', 'SELECT count(*) FROM held', ', on_failure: go-on'),
    sql('after it', "INSERT INTO done VALUES ('held')"),
  ).catch(thrown => thrown)
  await until(() => thereIs('NOT granted'))
  const outer = journal.runs({ limit: 9 }).find(run => run.job === 'playbook' && run.outcome === 'running')
  runner.cancel(outer!.id, { who: 'maria', reason: null })
  expect(await ended).toMatchObject({ code: 'cancelled', message: 'cancelled by maria' })
  expect(await thereIs('NOT granted')).toBe(false)
  const left = playbookRuns.find(outer!.id)
  expect(states(left)).toEqual(['failed', 'failed', 'pending'])
  expect(left.steps[0]?.error?.code).toBe('cancelled')
  expect(journal.runs({ limit: 2 }).map(run => run.outcome)).toEqual(['cancelled', 'cancelled'])
  await cluster.sql(
    'postgres',
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)%' AND pid <> pg_backend_pid()",
  )
  const again = await resumePlaybook(here.parts(), playbookRuns, outer!.id, null, runJob)
  expect(states(again)).toEqual(['succeeded', 'done', 'done'])
})
