// Garbage may be collected at any allocation, also in the middle of what node:crypto does under a lock of its own.
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'

const CHILD = join(process.cwd(), 'dist/test/kit/seal-child.js')

// Node frees the job that generated a key pair under the pair's lock: collected while that very lock is held, on export,
// it waits for itself for ever. So it happened to one sealing thread in some thousands, and its night hung.
it.each([59, 61, 67])('a header is sealed whenever it comes: every %i allocations', async interval => {
  const flags = [`--gc-interval=${interval}`, '--max-semi-space-size=1']
  const { stdout } = await execa('node', [...flags, CHILD, '4000'], { timeout: 200_000 })
  expect(stdout).toBe('done')
})
