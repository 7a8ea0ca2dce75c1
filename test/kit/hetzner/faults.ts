// What goes wrong between a client and Hetzner, as data.
import type { RecordedCall } from './call.js'

export type HetznerFault =
  /** Answers with an error instead of doing what was asked. */
  | { refuse: { status: number; code: string } }
  /** Does what was asked and answers with an error all the same. */
  | { afterwards: { status: number; code: string } }
  /** The same two with a body that is no JSON, as a proxy gives it. */
  | { proxy: 502 | 504; when: 'before' | 'after' }
  /** Cuts the connection: before or after doing what was asked. */
  | { cut: 'before' | 'after' }
  /** Takes the request, does it, and never answers. */
  | { hang: true }
  /** Answers 429 and says that the limit is used up. */
  | { limited: true }

/** Null: nothing goes wrong with this call. */
export type FaultPlan = (call: RecordedCall) => HetznerFault | null

export interface Occasion {
  method?: string
  path?: RegExp
  /** From the nth matching call on; 1 by default. */
  nth?: number
  /** Once by default. */
  times?: number
  fault: HetznerFault
}

/** Faults at named occasions, each counted by itself. */
export function occasions(...list: readonly Occasion[]): FaultPlan {
  const seen = list.map(() => 0)
  return call => {
    for (const [at, { method, path, nth = 1, times = 1, fault }] of list.entries()) {
      if ((method && method !== call.method) || (path && !path.test(call.path))) continue
      const count = (seen[at] ?? 0) + 1
      seen[at] = count
      if (count >= nth && count < nth + times) return fault
    }
    return null
  }
}

/** Whatever may hit a call of this method. A read-only token and a full account are of another kind: they last. */
export const EVERY_FAULT: readonly HetznerFault[] = [
  ...[500, 503, 504].flatMap((status): HetznerFault[] => {
    const code = { 500: 'server_error', 503: 'unavailable', 504: 'timeout' }[status] ?? ''
    return [{ refuse: { status, code } }, { afterwards: { status, code } }]
  }),
  { proxy: 502, when: 'before' },
  { proxy: 502, when: 'after' },
  { proxy: 504, when: 'after' },
  { cut: 'before' },
  { cut: 'after' },
  { limited: true },
]

/** Only a request that changes something is refused with these. */
export const CHANGING_FAULTS: readonly HetznerFault[] = [
  { refuse: { status: 423, code: 'locked' } },
  { refuse: { status: 409, code: 'conflict' } },
]

/** What the official clients try again, so that a call gets to its end by their policy alone. */
const PASSING_FAULTS: readonly HetznerFault[] = [
  { refuse: { status: 504, code: 'timeout' } },
  { afterwards: { status: 504, code: 'timeout' } },
  { proxy: 502, when: 'before' },
  { proxy: 502, when: 'after' },
  { proxy: 504, when: 'before' },
  { proxy: 504, when: 'after' },
  { cut: 'before' },
  { cut: 'after' },
  { limited: true },
]

/** Every single call meets one fault or two in a row, before what it does or after it; then it is let go on. */
export function faultInEveryCall(random: () => number): FaultPlan & { met: number } {
  const left = new Map<string, number>()
  const plan = (call: RecordedCall): HetznerFault | null => {
    const name = `${call.method} ${call.path}?${call.query}`
    const faults = left.get(name) ?? 1 + Math.floor(random() * 2)
    if (faults === 0) {
      left.delete(name)
      return null
    }
    left.set(name, faults - 1)
    const asks = /create_image/.test(call.path)
    const list = asks ? [...EVERY_FAULT, ...CHANGING_FAULTS] : PASSING_FAULTS
    whole.met++
    return list[Math.floor(random() * list.length)] ?? null
  }
  const whole = Object.assign(plan, { met: 0 })
  return whole
}
