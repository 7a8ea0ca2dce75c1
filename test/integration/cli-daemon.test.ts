// The command line beside a running daemon: the daemon does the work, and what is shown is what would be shown without it.
import { execa } from 'execa'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { RunId } from '../../src/domain/ids.js'
import { connect } from '../../src/postgres/connection.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type DaemonProcess, startDaemon } from '../kit/daemon.js'
import { CLI, type Installation, install } from '../kit/installation.js'
import { typeInto } from '../kit/pty.js'

let cluster: Cluster
let here: Installation
let daemon: DaemonProcess

beforeAll(async () => {
  const notes = 'CREATE TABLE notes AS SELECT 1 AS id'
  cluster = await startPlatform({ acme: notes, globex: notes })
  // However slow the machine is, a run that may end is let end.
  here = await install(cluster.target, { config: { daemon: { drain: '10m' } } })
  await here.cli('tenants')
  daemon = startDaemon(here)
  await daemon.ready
})
afterAll(async () => {
  daemon.kill('SIGKILL')
  await here.remove()
  await cluster.stop()
})

const lastRun = () => here.app.journal.runs({ limit: 1 })[0]
const json = async (...args: string[]) => {
  const { exitCode, stdout } = await here.cli('--json', ...args)
  return { exitCode, ...JSON.parse(stdout) }
}

test("a backup is the daemon's run, and is told as here", async () => {
  const { exitCode, stdout, stderr } = await here.cli('backup', 'acme', 'globex', '--label', 'by hand')
  expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^2 backed up \(.*\), 0 failed$/)])
  expect(stderr.split('\n').sort()).toEqual([
    'backing up 2 subjects',
    expect.stringMatching(/^ok {6}acme/),
    expect.stringMatching(/^ok {6}globex/),
  ])
  expect(lastRun()).toMatchObject({
    job: 'backup',
    trigger: 'manual',
    outcome: 'succeeded',
    process: { pid: daemon.pid },
  })
  expect(here.app.parts().catalogue.list({ limit: 2 })).toMatchObject([
    { label: 'by hand' },
    { label: 'by hand' },
  ])
  const { userInfo } = await import('node:os')
  expect(here.app.journal.auditLines({ limit: 1 })).toMatchObject([
    { who: `${userInfo().username}, command line`, action: 'backup', outcome: 'allowed', origin: null },
  ])
})

test('a failure has its code, its hint, its run and its exit status; a part that failed makes 3', async () => {
  expect(await json('backup', 'nobody')).toMatchObject({
    exitCode: 4,
    error: {
      code: 'tenant-unknown',
      hint: expect.stringContaining('gmah-backup tenants'),
      facts: { run: lastRun()?.id },
    },
  })
  const holder = await connect(cluster.target, 'gmah_org_acme')
  onTestFinished(() => holder.close())
  await holder.run('BEGIN; LOCK TABLE public.notes IN ACCESS EXCLUSIVE MODE')
  const busy = here.cli('backup', 'acme')
  await until(() => here.events('backup-started').some(event => event.run === lastRun()?.id))
  const second = await json('backup', 'globex', 'acme')
  expect(second).toMatchObject({
    exitCode: 3,
    succeeded: [{ subject: 'tenants/globex' }],
    failed: [{ code: 'subject-busy' }],
  })
  await holder.run('ROLLBACK')
  expect((await busy).exitCode).toBe(0)
})

test("a verdict is the daemon's, and is told as here", async () => {
  await here.cli('backup', 'acme')
  const verdict = await json('verify', 'acme', '--level', 'read')
  expect(verdict).toMatchObject({
    exitCode: 0,
    subject: 'tenants/acme',
    level: 'read',
    outcome: 'passed',
    differences: [],
  })
  expect(lastRun()).toMatchObject({ job: 'verify', process: { pid: daemon.pid } })
})

/** A backup of acme that the daemon is in, and that waits for a table. */
async function startHeld() {
  const holder = await connect(cluster.target, 'gmah_org_acme')
  onTestFinished(() => holder.close())
  await holder.run('BEGIN; LOCK TABLE public.notes IN ACCESS EXCLUSIVE MODE')
  const before = lastRun()?.id
  const watching = execa('node', [CLI, '--config', here.configFile, 'backup', 'acme'], {
    reject: false,
    stdin: 'ignore',
    cwd: here.folder,
    // A busy machine may take longer to end it than execa waits after SIGTERM before it kills.
    forceKillAfterDelay: false,
  })
  let heard = ''
  watching.stderr.on('data', part => {
    heard += part
  })
  // Before it watches the run it does not know its id, though the journal has it.
  await until(() => heard.includes('backing up'))
  const id = lastRun()?.id as RunId
  expect(id).not.toBe(before)
  return { watching, id, letGo: () => holder.run('ROLLBACK'), now: () => here.app.journal.run(id) }
}

test('Ctrl-C has the daemon cancel the run, waits until it is cleared away, and ends with 130', async () => {
  const { watching, id, now } = await startHeld()
  watching.kill('SIGINT')
  const { exitCode, stderr } = await watching
  expect(exitCode).toBe(130)
  expect(stderr).toContain(`run ${id} is being cancelled`)
  expect(stderr).toContain(`\`gmah-backup runs ${id}\` tells of its end`)
  expect(stderr).toMatch(/cancelled by .*, command line.*\[cancelled\]/)
  expect(now()).toMatchObject({ outcome: 'cancelled', error: { code: 'cancelled' } })
})

test('on a terminal that redraws, Ctrl-C is answered as well', async () => {
  const holder = await connect(cluster.target, 'gmah_org_acme')
  onTestFinished(() => holder.close())
  await holder.run('BEGIN; LOCK TABLE public.notes IN ACCESS EXCLUSIVE MODE')
  const command = `stty cols 100 rows 30; exec node ${CLI} --config ${here.configFile} backup acme globex`
  const { exitCode, screen } = await typeInto(['sh', '-c', command], [[/of 2 subjects done/, '\u0003']], {
    cwd: here.folder,
    env: { TERM: 'xterm' },
  })
  expect([exitCode, screen]).toEqual([130, expect.stringMatching(/run [0-9a-f]{12} is being cancelled/)])
  expect(lastRun()?.outcome).toBe('cancelled')
})

test('a second one only stops the watching', async () => {
  const { watching, id, letGo, now } = await startHeld()
  // It cannot cancel anything, so that the second one does not come too late.
  daemon.kill('SIGSTOP')
  try {
    watching.kill('SIGINT')
    watching.kill('SIGTERM')
    const { exitCode, stderr } = await watching
    expect([exitCode, stderr]).toEqual([130, expect.stringContaining('no longer watching')])
    expect(stderr).toContain(`gmah-backup runs ${id}`)
    expect(now()?.outcome).toBe('running')
  } finally {
    daemon.kill('SIGCONT')
  }
  await letGo()
  await until(() => now()?.outcome !== 'running')
})

test('`runs cancel` ends a run from another terminal; again, it is the same', async () => {
  const { watching, id, now } = await startHeld()
  const cancel = () => json('runs', 'cancel', id.slice(0, 8), '--why', 'the wrong tenant')
  const message = expect.stringMatching(/^cancelled by .*, command line: the wrong tenant$/)
  expect(await cancel()).toMatchObject({ exitCode: 0, id, outcome: 'cancelled', error: { message } })
  expect((await watching).exitCode).toBe(130)
  expect(await cancel()).toMatchObject({ exitCode: 0, id, outcome: 'cancelled', error: { message } })
  expect(here.app.journal.auditLines({ limit: 1 })).toMatchObject([
    {
      ...{ action: 'run cancel', target: 'all', outcome: 'allowed', detail: `run ${id}: the wrong tenant` },
    },
  ])
  expect(now()?.finishedAt).not.toBeNull()
  await here.cli('backup', 'globex')
  const over = lastRun()?.id as RunId
  expect(await json('runs', 'cancel', over)).toMatchObject({
    exitCode: 5,
    error: { code: 'cancel-too-late' },
  })
})

test('a daemon that is told to stop ends its run, and who watches hears of the end', async () => {
  const holder = await connect(cluster.target, 'gmah_org_acme')
  onTestFinished(() => holder.close())
  await holder.run('BEGIN; LOCK TABLE public.notes IN ACCESS EXCLUSIVE MODE')
  const before = lastRun()?.id
  const watching = here.cli('backup', 'acme')
  await until(() => lastRun()?.id !== before)
  daemon.kill('SIGTERM')
  await until(() => here.events('daemon-stopping').length > 0)
  await holder.run('ROLLBACK')
  const { exitCode, stdout } = await watching
  expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^1 backed up/)])
  await daemon.ended
  daemon = startDaemon(here)
  await daemon.ready
})

test('with another identity, and when the daemon is gone, the command works by itself', async () => {
  const own = await here.cli('--identity', here.recoveryIdentityFile, 'backup', 'acme')
  expect([own.exitCode, lastRun()?.process.pid === daemon.pid]).toEqual([0, false])
  const holder = await connect(cluster.target, 'gmah_org_acme')
  onTestFinished(() => holder.close())
  await holder.run('BEGIN; LOCK TABLE public.notes IN ACCESS EXCLUSIVE MODE')
  const watching = execa('node', [CLI, '--config', here.configFile, 'backup', 'acme'], { reject: false })
  let heard = ''
  watching.stderr?.on('data', part => {
    heard += part
  })
  // It follows the run by then: one that has only asked for it could not know of it.
  await until(() => heard.includes('backing up'))
  daemon.kill('SIGKILL')
  const { exitCode, stderr } = await watching
  expect([exitCode, stderr]).toEqual([130, expect.stringMatching(/\[interrupted\]/)])
  await holder.run('ROLLBACK')
  expect((await here.cli('backup', 'acme')).exitCode).toBe(0)
  expect(lastRun()).toMatchObject({ outcome: 'succeeded', trigger: 'manual' })
})
