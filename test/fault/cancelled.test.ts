// Runs that somebody cancels, at each of their steps: what they had begun is cleared away, everything is reachable as it
// was, the same works right after, and nobody is alarmed. What changes places is brought to its end.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EMPTY_MEMORY } from '../../src/alert/memory.js'
import { signsOf } from '../../src/alert/rules/event-rules.js'
import { asFailure } from '../../src/domain/errors.js'
import type { RunId } from '../../src/domain/ids.js'
import { isLive } from '../../src/domain/live-events.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { backupAll } from '../../src/jobs/backup-all.js'
import { endOfNight } from '../../src/jobs/backup-report.js'
import { drill } from '../../src/jobs/drill.js'
import { endOfDrills } from '../../src/jobs/drill-report.js'
import type { JobContext } from '../../src/jobs/parts.js'
import { restoreBeside } from '../../src/jobs/restore-beside.js'
import { restoreInPlace } from '../../src/jobs/restore-in-place.js'
import { restoreIntoSchema } from '../../src/jobs/restore-into-schema.js'
import type { JobEnd, RunResult } from '../../src/jobs/runner.js'
import { contentHash } from '../kit/content-hash.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { DRILLS, scratchFolder } from '../kit/drills.js'
import { databasesOf } from '../kit/in-place.js'
import { auditStore } from '../kit/store-audit.js'

const LIVE = 'gmah_org_a'
const MARIA = { who: 'maria', reason: 'the wrong tenant' }
const scratch = scratchFolder()
let scene: Scene
let wrecked: unknown
beforeAll(async () => {
  scene = await setScene(['a'], { rows: 300, config: { drills: { scratch_directory: scratch.path } } })
  expect(await scene.here.night()).toMatchObject({ failure: null })
  await scene.cluster.sql(LIVE, 'DELETE FROM items WHERE id % 2 = 0')
  wrecked = await contentHash(scene.cluster, LIVE)
})
afterAll(async () => {
  await scene.end()
  scratch.remove()
})

/** Runs a job, and cancels it where it says that it has come to a place: an event, a step of a swap, a phase of progress. */
async function cancelledAt(
  place: string,
  name: string,
  work: (context: JobContext) => Promise<JobEnd>,
): Promise<RunResult & { said: string }> {
  const { journal, runner } = scene.here.app
  const about: { run: RunId | null; said: string } = { run: null, said: '' }
  const reached = (what: string): void => {
    if (what !== place || about.said !== '' || about.run === null) return
    about.said = 'told'
    try {
      runner.cancel(about.run, MARIA)
    } catch (thrown) {
      about.said = asFailure(thrown).code
    }
  }
  const stop = journal.subscribe(event => {
    if (!isLive(event)) reached(event.type === 'swap-step' ? event.facts.step : event.type)
  })
  try {
    const result = await runner.run({ name, subject: subjectNamed('a'), trigger: 'manual' }, context => {
      about.run = context.run
      return work({ ...context, watch: { progress: (_, { phase }) => reached(phase) } })
    })
    return { ...result, said: about.said }
  } finally {
    stop()
  }
}

/** What is told to people of the run. */
const alarms = (run: RunId): string[] =>
  scene.here
    .events()
    .filter(event => event.run === run)
    .flatMap(event => signsOf(event, EMPTY_MEMORY))
    .flatMap(sign => (sign.do === 'raise' ? [sign.trouble.rule] : []))

function expectCancelled({ run, said }: RunResult & { said: string }): void {
  const message = 'cancelled by maria: the wrong tenant'
  expect([said, run.outcome, run.error?.code, run.error?.message]).toEqual([
    ...['told', 'cancelled', 'cancelled', message],
  ])
  const kinds = scene.here.events().filter(event => event.run === run.id)
  expect(kinds.map(event => event.type)).toContain('run-cancel-asked')
  expect(kinds.at(-1)).toMatchObject({ type: 'run-cancelled', facts: { error: { message } } })
  expect(alarms(run.id).filter(rule => rule !== 'restore-started')).toEqual(['run-cancelled'])
}

async function expectAsBefore(): Promise<void> {
  expect(await databasesOf(scene.cluster)).toEqual(['gmah_master', LIVE])
  expect(await contentHash(scene.cluster, LIVE)).toEqual(wrecked)
}

const asked = { subject: subjectNamed('a'), backup: 'latest', withRoles: false }
const inPlace = (context: JobContext): Promise<JobEnd> =>
  restoreInPlace(scene.here.parts(), { ...asked, withoutSafetyCopy: null }, context).then(() => ({
    outcome: 'succeeded',
  }))
const RESTORES = {
  'in place': inPlace,
  beside: (context: JobContext) =>
    restoreBeside(scene.here.parts(), { ...asked, database: 'beside' }, context).then(
      (): JobEnd => ({ outcome: 'succeeded' }),
    ),
  'into a schema': (context: JobContext) =>
    restoreIntoSchema(
      scene.here.parts(),
      { ...asked, tables: [{ schema: 'public', name: 'notes' }], intoSchema: 'side' },
      context,
    ).then((): JobEnd => ({ outcome: 'succeeded' })),
}

describe('a restore', () => {
  test.each([
    ['in place', 'restore-started'],
    ['in place', 'backup-started'],
    ['in place', 'dump'],
    ['in place', 'backup-committed'],
    ['in place', 'load'],
    ['in place', 'prove'],
    ['in place', 'proof-passed'],
    ['beside', 'load'],
    ['beside', 'proof-passed'],
    ['into a schema', 'load'],
    ['into a schema', 'prove'],
  ] as const)('%s, cancelled at %s, leaves nothing', async (kind, place) => {
    expectCancelled(await cancelledAt(place, 'restore', RESTORES[kind]))
    await expectAsBefore()
    const schemas = await scene.cluster.sql(
      LIVE,
      "SELECT nspname FROM pg_namespace WHERE nspname ~ '^(restoring_|side)'",
    )
    expect(schemas).toEqual([])
  })
})

describe('a backup', () => {
  const night = async (context: JobContext): Promise<JobEnd> =>
    endOfNight(await backupAll(scene.here.parts(), { kind: 'manual', label: null, names: [] }, context))

  test.each(['backup-started', 'dump', 'backup-committed'])('cancelled at %s stores no half', async place => {
    const before = (await auditStore(scene.here.parts())).length
    const done = await cancelledAt(place, 'backup-all', night)
    expectCancelled(done)
    const committed = scene.here.events('backup-committed').filter(event => event.run === done.run.id).length
    // Each that is there can be read to its end.
    expect(await auditStore(scene.here.parts())).toHaveLength(before + committed)
  })
})

describe('a night of drills', () => {
  const drills = async (context: JobContext): Promise<JobEnd> =>
    endOfDrills(await drill(scene.here.parts(), DRILLS, context))
  const proofs = () => scene.here.parts().catalogue.proofs.list({ subject: subjectNamed('a') }).length

  test.each(['drill-planned', 'load', 'prove'])('cancelled at %s leaves no server', async place => {
    const before = proofs()
    expectCancelled(await cancelledAt(place, 'drill', drills))
    expect([scratch.left(), proofs()]).toEqual([[], before])
  })
})

test.each(['pause', 'rename'])(
  'once the databases change places, at %s, it is too late to cancel, and said so',
  async place => {
    const { run, said } = await cancelledAt(place, 'restore', inPlace)
    expect([said, run.outcome]).toEqual(['cancel-too-late', 'succeeded'])
    expect(scene.here.events('run-cancel-asked').filter(event => event.run === run.id)).toEqual([])
    expect(await databasesOf(scene.cluster)).toContain(LIVE)
  },
)
