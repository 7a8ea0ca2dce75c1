// Killed with -9 at random instants of a test restore: the next start leaves no server, no folder and no open run behind.

import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../kit/clock.js'
import { startCli, startDaemon } from '../kit/daemon.js'
import { dice } from '../kit/dice.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { scratchFolder } from '../kit/drills.js'

/** DRILL_KILLS=50 for the whole of it; DRILL_SEED=… repeats the instants of a failure. */
const KILLS = Number(process.env.DRILL_KILLS ?? 4)
const SEED = Number(process.env.DRILL_SEED ?? Math.floor(Math.random() * 2 ** 31))

let scene: Scene
/** How long a test restore that is left alone lasts here and now. */
let wholeMs: number
const scratch = scratchFolder()

beforeAll(async () => {
  // With the real initdb: some kills are to come in the middle of it.
  const drills = { scratch_directory: scratch.path }
  scene = await setScene(['a'], { rows: 3000, quickInitdb: false, config: { drills } })
  expect(await scene.here.night()).toMatchObject({ failure: null })
  const started = performance.now()
  expect(await scene.here.cli('verify', 'a')).toMatchObject({ exitCode: 0 })
  wholeMs = performance.now() - started
})
afterAll(async () => {
  await scene.end()
  scratch.remove()
})

/** Processes that speak of the scratch in their command line or their environment: servers, initdb, pg_restore, pg_dump. */
function processesLeft(): string[] {
  return readdirSync('/proc').filter(pid => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      const said = ['cmdline', 'environ'].map(name => readFileSync(`/proc/${pid}/${name}`, 'utf8')).join('\0')
      return said.includes(`${scratch.path}/gmah-scratch`)
    } catch {
      return false
    }
  })
}

describe(`killed with -9 (DRILL_SEED=${SEED})`, () => {
  const roll = dice(SEED)
  test.each(Array.from({ length: KILLS }, (_, kill) => kill))('kill %i', async kill => {
    const { here } = scene
    const before = here.parts().catalogue.proofs.list().length
    const { ended, kill: end } = startCli(here, 'verify', 'a')
    await Promise.race([ended, pause(((kill + roll()) / KILLS) * wholeMs)])
    end('SIGKILL')
    await ended
    // The kernel tells the servers and the programs; nobody has to start for that.
    await until(() => processesLeft().length === 0)
    const next = await here.cli('verify', 'a', '--level', 'stored')
    expect(next).toMatchObject({ exitCode: 0 })
    expect(scratch.left()).toEqual([])
    expect(here.app.journal.runs({ state: 'running' })).toEqual([])
    // Its verdict is either there or not; never half.
    const made = here.parts().catalogue.proofs.list().length - before
    expect([1, 2]).toContain(made)
  })
})

test('the daemon that starts after a killed one tidies up as well', async () => {
  const { here, tools, gate } = scene
  const stop = gate('load')
  tools.twist('pg_restore', { input: true, gate: stop.path, gateAt: 100_000 })
  const { ended, kill } = startCli(here, 'verify', 'a')
  await until(stop.reached)
  expect(scratch.left()).toHaveLength(1)
  kill('SIGKILL')
  await ended
  tools.straighten()
  const daemon = startDaemon(here)
  await daemon.ready
  expect(scratch.left()).toEqual([])
  daemon.kill('SIGTERM')
  await daemon.ended
  stop.open()
})
