import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { loadKernel } from '../../src/sys/kernel.js'

/** The smallest module there is. */
const EMPTY_MODULE = Buffer.from('0061736d01000000', 'hex')

test('a kernel is found beside built code, and in dist for the sources of the same package', () => {
  const root = mkdtempSync(join(tmpdir(), 'kernel-'))
  const built = join(root, 'dist/src/part')
  mkdirSync(built, { recursive: true })
  writeFileSync(join(root, 'package.json'), '{}')
  writeFileSync(join(built, 'one.wasm'), EMPTY_MODULE)
  const urls = [join(built, 'a.js'), join(root, 'src/part/a.ts')].map(file => pathToFileURL(file).href)
  for (const url of urls) {
    expect(loadKernel(url, 'one')).toBeInstanceOf(WebAssembly.Module)
    const missing = { code: 'unexpected', hint: expect.stringContaining('npm run build') }
    expect(() => loadKernel(url, 'two')).toThrow(expect.objectContaining(missing))
  }
  rmSync(root, { recursive: true })
})
