// Loads the WebAssembly kernels that the build puts beside the compiled code.
// The same call works from dist and from the TypeScript sources, which use the kernel of the last build.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure } from '../domain/errors.js'

/**
 * The compiled kernel `<name>.wasm` of the folder that the calling module lies in.
 * @param importMetaUrl the caller's `import.meta.url`
 * @throws Failure unexpected when the kernel was not built.
 */
export function loadKernel(importMetaUrl: string, name: string): WebAssembly.Module {
  const file = kernelFile(fileURLToPath(importMetaUrl), name)
  let code: Buffer<ArrayBuffer>
  try {
    code = readFileSync(file)
  } catch (cause) {
    throw new Failure('unexpected', `cannot read the kernel ${file}`, {
      cause,
      hint: 'type `npm run build`, or install the package again',
    })
  }
  return new WebAssembly.Module(code)
}

function kernelFile(module: string, name: string): string {
  const folder = dirname(module)
  if (!module.endsWith('.ts')) return join(folder, `${name}.wasm`)
  let root = folder
  while (!existsSync(join(root, 'package.json')) && dirname(root) !== root) root = dirname(root)
  return join(root, 'dist', relative(root, folder), `${name}.wasm`)
}
