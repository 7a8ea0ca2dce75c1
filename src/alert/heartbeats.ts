// Pings outwards that say "alive and protected": sent only while every subject is inside its window. Silence is the alarm,
// which works when this machine is gone too.
import type { AlertsConfig, HeartbeatConfig } from '../domain/alerts.js'
import type { Clock } from '../sys/clock.js'
import type { Memory } from './memory.js'
import type { Outbox } from './outbox.js'
import { backupWindowMs, lateSubjects, type Sighting } from './rules/standing-rules.js'

export interface Heartbeats {
  /** Pings what is due. Never throws: a ping that does not get through is noted. */
  beat(memory: Memory, seen: Sighting, now: Date): Promise<void>
}

export interface HeartbeatParts {
  config(): AlertsConfig
  outbox: Outbox
  clock: Clock
  fetch?: typeof globalThis.fetch
}

export type Beat = 'start' | 'success' | 'fail'

const TIMEOUT_MS = 10_000

/** Each style's path behind the URL; null: that style has no word for it. */
const PATHS: Record<HeartbeatConfig['style'], Record<Beat, string | null>> = {
  healthchecks: { start: '/start', success: '', fail: '/fail' },
  betterstack: { start: null, success: '', fail: '/fail' },
  plain: { start: null, success: '', fail: null },
}

/** True when every subject that is on the server has a backup inside its window, and there is at least one. */
function isProtected(memory: Memory, seen: Sighting, now: Date): boolean {
  const present = Object.values(memory.subjects).filter(one => !one.gone)
  return present.length > 0 && backupWindowMs(seen) !== null && lateSubjects(memory, seen, now).length === 0
}

export function createHeartbeats(parts: HeartbeatParts): Heartbeats {
  const last = new Map<string, { beat: Beat; atTicks: number }>()
  let nights = new Set<string>()

  const ping = async (heartbeat: HeartbeatConfig, beat: Beat): Promise<void> => {
    const path = PATHS[heartbeat.style][beat]
    last.set(heartbeat.name, { beat, atTicks: parts.clock.ticks() })
    if (path === null) return
    const problem = await get(parts.fetch ?? globalThis.fetch, addressOf(heartbeat.url, path))
    const hint = 'check the URL in its url_file, and the network'
    parts.outbox.note(heartbeat.name, problem === null ? null : { problem, hint, lasting: false })
  }
  return {
    beat: async (memory, seen, now) => {
      const running = new Set(Object.keys(memory.runs).filter(id => memory.runs[id]?.job === 'backup-all'))
      const began = [...running].some(id => !nights.has(id))
      const ended = [...nights].some(id => !running.has(id))
      nights = running
      const state: Beat = isProtected(memory, seen, now) ? 'success' : 'fail'
      await Promise.all(
        parts.config().heartbeats.map(async heartbeat => {
          const before = last.get(heartbeat.name)
          if (began) await ping(heartbeat, 'start')
          const due = !before || parts.clock.ticks() - before.atTicks >= heartbeat.everyMs
          const flipped = before && before.beat !== 'start' && before.beat !== state
          // A night that goes on has said "start"; its end, or the next period, says how it is.
          if (ended || (due && !began) || (flipped && !began)) await ping(heartbeat, state)
        }),
      )
    },
  }
}

function addressOf(url: string, path: string): string {
  const address = new URL(url)
  address.pathname = address.pathname.replace(/\/$/, '') + path
  return address.href
}

/** What went wrong, without the URL: it is a secret. Null when it was heard. */
async function get(fetch: typeof globalThis.fetch, url: string): Promise<string | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'follow' })
    await response.body?.cancel()
    return response.ok ? null : `the heartbeat's server answered ${response.status}`
  } catch (thrown) {
    const { name, cause } = thrown as Error & { cause?: { code?: string } }
    return `the heartbeat's server did not answer (${cause?.code ?? name})`
  }
}
