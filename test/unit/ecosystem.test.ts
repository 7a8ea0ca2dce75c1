// The PM2 file: a stop is given the time it needs, and secrets in the caller's environment do not reach PM2's dump.
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { configurationSchema } from '../../src/domain/configuration-schema.js'

const require = createRequire(import.meta.url)
const [app] = require('../../ecosystem.config.cjs').apps
const LAST_CALL_MS = 10_000

test('SIGKILL comes after the drain budget and the last call', () => {
  const { drain } = configurationSchema.shape.daemon.parse(undefined)
  expect(app.kill_timeout).toBeGreaterThan(drain + LAST_CALL_MS)
})

test('one process, told ready, whose children are left to it', () => {
  expect(app).toMatchObject({ exec_mode: 'fork', instances: 1, wait_ready: true, treekill: false })
})

test('node knows the arguments that it is started with, and gathers less garbage by them', () => {
  const newSpace = "v8.getHeapSpaceStatistics().find(one => one.space_name === 'new_space').space_size"
  const grow = 'let kept = []; for (let n = 0; n < 3e6; n++) { kept.push([n]); if (n % 3e5 === 0) kept = [] }'
  const code = `const v8 = require('node:v8'); ${grow}; console.log(${newSpace})`
  const spaceBytes = (args: string[]) => Number(execFileSync(process.execPath, [...args, '-e', code]))
  expect(spaceBytes(app.node_args)).toBeLessThan(spaceBytes([]) / 2)
})

test.each([
  'PGPASSWORD',
  'R2_SECRET_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'SLACK_TOKEN',
  'DATABASE_URL',
  'AGE_IDENTITY',
])('%s is kept from PM2', name => {
  expect(app.filter_env.some((part: string) => name.includes(part))).toBe(true)
})

test.each(['PATH', 'HOME', 'LANG', 'GMAH_BACKUP_CONFIG', 'TZ'])('%s is not', name => {
  expect(app.filter_env.some((part: string) => name.includes(part))).toBe(false)
})
