// The few WebAssembly types the kernels need: TypeScript ships them only with the browser's library.
// Source: https://webassembly.github.io/spec/js-api/

declare namespace WebAssembly {
  class Module {
    constructor(code: NodeJS.ArrayBufferView | ArrayBuffer)
  }
  class Memory {
    readonly buffer: ArrayBuffer
    /** Adds 64 KiB pages; every earlier view of `buffer` is detached. @returns the pages before. */
    grow(pages: number): number
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>)
    readonly exports: Record<string, unknown>
  }
}
