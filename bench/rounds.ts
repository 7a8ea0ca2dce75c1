// The rounds: in each, everyone does the same day on the same data, one after the other, and another one goes first each time.
// So a machine that is busy for a while is busy for all, and what counts is the ratio inside a round.
import { temporaryFolder } from '../test/kit/cluster.js'
import {
  dumpThrough,
  installed,
  openRestic,
  type PipeName,
  restoreAndDump,
  restoreFile,
} from './contenders.js'
import type { Data, Workload } from './data.js'
import type { Measurement } from './measure.js'
import type { BenchOptions } from './options.js'
import { openOurs } from './ours.js'

export const PHASES = ['first night', '1 % changed', 'nothing changed', 'restore', 'proof'] as const
export type Phase = (typeof PHASES)[number]

/** Whom the others are compared with in each phase. */
export const YARDSTICK: Record<Phase, string> = {
  'first night': 'pg_dump -Fc -Z0',
  '1 % changed': 'pg_dump -Fc -Z0',
  'nothing changed': 'pg_dump -Fc -Z0',
  restore: 'pg_restore of a local file',
  proof: 'pg_restore + pg_dump',
}
export const US = 'gmah-backup'

export interface Result extends Measurement {
  workload: string
  round: number
  phase: Phase
  who: string
}

type Runner = [who: string, run: () => Promise<Measurement>]

/** One workload through all rounds. */
export async function runRounds(
  data: Data,
  workload: Workload,
  options: BenchOptions,
  tell: (result: Result) => void,
): Promise<void> {
  for (let round = 1; round <= options.rounds; round++) {
    await runRound(data, workload, options, async (phase, runners) => {
      const turn = round % runners.length
      for (const [who, run] of [...runners.slice(turn), ...runners.slice(0, turn)]) {
        tell({ workload: workload.name, round, phase, who, ...(await run()) })
      }
    })
  }
}

async function runRound(
  data: Data,
  workload: Workload,
  { quick }: BenchOptions,
  race: (phase: Phase, runners: Runner[]) => Promise<void>,
): Promise<void> {
  const folder = await temporaryFolder()
  const ours = await openOurs(data, workload)
  try {
    const restic = await openRestic(data, workload, folder.path)
    const pipe = (name: PipeName): Runner => [name, () => dumpThrough(data, workload, name)]
    const nights: Runner[] = [pipe('pg_dump -Fc -Z0'), [US, ours.night]]
    if (restic) nights.push(['pg_dump -Fc -Z0 | restic', restic.backup])
    const naked = installed('zstd') ? [pipe('pg_dump -Fc -Z0 | zstd -3')] : []
    // The first reader of changed rows also notes in them that they are committed: nobody's night pays for that.
    const settle = () => dumpThrough(data, workload, 'pg_dump -Fc -Z0')
    await settle()
    await race('first night', [...nights, ...naked, ...(quick ? [] : [pipe('pg_dump -Fc')])])
    await data.day(workload)
    await settle()
    await race('1 % changed', nights)
    await race('nothing changed', nights)
    const [database = '', ...more] = workload.databases
    if (more.length > 0) return
    await raceRestores(race, ours, () => restoreFile(data, database, folder.path))
    await race('proof', [
      [YARDSTICK.proof, () => restoreAndDump(data, database, folder.path)],
      [US, ours.drill],
    ])
  } finally {
    await ours.remove()
    await folder.remove()
  }
}

/** Our restore is one run with two figures: loaded, which is what pg_restore does, and proven, which nobody else does. */
async function raceRestores(
  race: (phase: Phase, runners: Runner[]) => Promise<void>,
  ours: Awaited<ReturnType<typeof openOurs>>,
  plain: () => Promise<Measurement>,
): Promise<void> {
  let proven: Measurement | undefined
  const restore = async () => {
    const both = await ours.restore()
    proven = both.proven
    const { seconds } = both.loaded
    return { seconds, cpuSeconds: Number.NaN }
  }
  await race('restore', [
    [YARDSTICK.restore, plain],
    [US, restore],
  ])
  if (proven) await race('restore', [[`${US}, proof included`, async () => proven as Measurement]])
}
