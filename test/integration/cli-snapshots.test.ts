// The built command line against the fake API over a real port: no PostgreSQL is there, as on the machine of a rebuild.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/sys/clock.js'
import { type FakeHetzner, fakeHetzner } from '../kit/hetzner/server.js'
import { type Installation, install } from '../kit/installation.js'

const NO_SERVER = { host: '/nowhere', port: 1, user: 'nobody' } as Parameters<typeof install>[0]
let fake: FakeHetzner
let here: Installation

beforeAll(async () => {
  fake = await fakeHetzner(systemClock)
  fake.project.addServer()
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
