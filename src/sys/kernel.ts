// Loads the WebAssembly kernels that the build puts beside the compiled code.
import { readFileSync } from 'node:fs'
import { builtFile } from './built.js'

/**
 * The compiled kernel `<name>.wasm` of the folder that the calling module lies in.
 * @param importMetaUrl the caller's `import.meta.url`
 * @throws Failure unexpected when the kernel was not built.
 */
export function loadKernel(importMetaUrl: string, name: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(builtFile(importMetaUrl, `./${name}.wasm`)))
}
