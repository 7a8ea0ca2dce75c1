// Watches pg_dumpall's script as it passes: it is whole only when its closing line was seen.
import { Failure } from '../domain/errors.js'

const CLOSING_LINE = '-- PostgreSQL database cluster dump complete'
/** The closing line is followed by at most some blank lines and a \unrestrict line. */
const TAIL_BYTES = 1024

/** A StreamObserver (repository/intake.ts). `end` throws Failure dump-invalid when the script was cut short. */
export function createObserver() {
  let tail = ''
  return {
    push(bytes: Uint8Array): void {
      tail = (tail + Buffer.from(bytes).toString('latin1')).slice(-TAIL_BYTES)
    },
    end(): null {
      if (!tail.includes(CLOSING_LINE)) {
        throw new Failure('dump-invalid', 'the script of pg_dumpall ends before its closing line')
      }
      return null
    },
  }
}
