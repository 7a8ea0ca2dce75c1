// The built command line against the fake API over a real port: no PostgreSQL is there, as on the machine of a rebuild.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { instantOf, newBackupId } from '../../src/domain/ids.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { manifestKey } from '../../src/store/keys.js'
import { systemClock } from '../../src/sys/clock.js'
import { type FakeHetzner, fakeHetzner } from '../kit/hetzner/server.js'
import { CLI, type Installation, install } from '../kit/installation.js'
import { typeInto } from '../kit/pty.js'

const NO_SERVER = { host: '/nowhere', port: 1, user: 'nobody' } as Parameters<typeof install>[0]
let fake: FakeHetzner
let here: Installation

beforeAll(async () => {
  fake = await fakeHetzner(systemClock)
  fake.project.addServer()
  fake.project.rebuildMs = 0
  fake.project.fate = () => ({ takesMs: 0, hiddenMs: 0, ends: 'available' })
  here = await install(NO_SERVER, { config: { hetzner: { endpoint: fake.endpoint, token: fake.token } } })
})
afterAll(async () => {
  await here.remove()
  await fake.close()
})

test('made, listed, its sheet opened by the recovery identity, put back; the token is nowhere', async () => {
  const made = await here.cli('--json', 'snapshot', 'create', 'gmah-app')
  expect([made.exitCode, made.stderr]).toEqual([0, ''])
  const { image } = JSON.parse(made.stdout).snapshot
  const listed = await here.cli('snapshot', 'list')
  expect(listed.stdout).toMatch(new RegExp(`${image} +gmah-app .* available +4.25 GB +0.06 +manual`))
  const sheet = await here.cli('--identity', here.recoveryIdentityFile, 'snapshot', 'sheet', String(image))
  expect(JSON.parse(sheet.stdout)).toMatchObject({ image: { id: image }, server: { name: 'gmah-app' } })
  const asked = await here.cli('vps', 'rebuild')
  expect([asked.exitCode, asked.stderr]).toEqual([2, expect.stringContaining('--server-name and --image')])
  const wrong = await here.cli('vps', 'rebuild', '--server-name', 'gmah-ap', '--image', String(image))
  expect(wrong.exitCode).toBe(4)
  const gone = await here.cli('snapshot', 'delete', String(image))
  expect([gone.exitCode, gone.stderr]).toEqual([5, expect.stringContaining('newest')])
  const said = [made, listed, sheet, asked, wrong, gone].map(one => one.stdout + one.stderr).join('')
  expect(said).not.toContain(fake.token)
  expect(fake.violations).toEqual([])
})

describe('a rebuild in a terminal', () => {
  const rebuild = (...answers: [RegExp, string][]) =>
    typeInto(['node', CLI, '--config', here.configFile, 'vps', 'rebuild'], answers, { cwd: here.folder })
  const ID = /id of the snapshot: $/
  const NAME = /name of the server whose whole disk it replaces: $/
  const FIRST = /make a snapshot of gmah-app as it is now, first\? \[Y\/n\] $/
  const LAST = /type "gmah-app \d+" to go on: $/
  const image = () => String([...fake.project.images.keys()][0])

  const backup = (tenant: string, at: Date) =>
    here.parts().repository.store.put(
      manifestKey({
        subject: subjectNamed(tenant),
        instant: instantOf(at),
        kind: 'scheduled',
        backup: newBackupId(),
      }),
      Buffer.from('listed, not read'),
    )

  test.each<[string, [RegExp, string][]]>([
    ['another word at the end', [[LAST, 'yes\r']]],
    ['the server alone', [[LAST, 'gmah-app\r']]],
    ['the end of the input', [[LAST, '\u0004']]],
  ])('%s changes nothing', async (_name, last) => {
    const { exitCode, screen } = await rebuild(
      [ID, `${image()}\r`],
      [NAME, 'gmah-app\r'],
      [FIRST, 'n\r'],
      ...last,
    )
    expect([exitCode, fake.project.rebuilt]).toEqual([5, []])
    expect(screen).toContain('nothing was changed')
  })

  test('the list, the warnings, a snapshot of what is there, both names typed; then what to type next', async () => {
    await backup('old', new Date('2020-01-01'))
    await backup('acme', new Date(Date.now() + 60_000))
    await backup('Łódź & Co', new Date(Date.now() + 60_000))
    const from = image()
    const { exitCode, screen } = await rebuild(
      [ID, `${from}\r`],
      [NAME, 'gmah-app\r'],
      [FIRST, '\r'],
      [LAST, `gmah-app ${from}\r`],
    )
    expect([exitCode, fake.project.rebuilt.map(one => one.image)]).toEqual([0, [Number(from)]])
    const warned = screen.indexOf('everything on the disk of gmah-app (203.0.113.10) will be gone')
    expect(warned).toBeGreaterThan(0)
    expect(warned).toBeLessThan(screen.search(/type "gmah-app/))
    expect(fake.project.made.at(-1)?.labels).toMatchObject({
      'managed-by': 'gmah-backup',
      schedule: 'manual',
    })
    expect(screen).toContain('ssh root@203.0.113.10')
    expect(screen).toContain('playbook run vps-from-snapshot --set tenant=acme')
    expect(screen).toContain("--set 'tenant=Łódź & Co'")
    expect(screen).not.toContain('tenant=old')
    expect(screen).not.toContain(fake.token)
    const sheet = await here.cli('snapshot', 'sheet', 'latest')
    expect(JSON.parse(sheet.stdout)).toMatchObject({ image: { id: fake.project.made.at(-1)?.id } })
    expect(fake.violations).toEqual([])
  }, 180_000)
})
