// Which server this process runs on: nobody may pull the disk from under their own feet.
import { hostname, networkInterfaces } from 'node:os'
import { withDeadline } from '../sys/interruption.js'
import { noAnswer } from './errors.js'
import type { Server } from './shapes.js'

/** Answers on Hetzner's servers only, at once, from the host itself. */
const METADATA = 'http://169.254.169.254/hetzner/v1/metadata/instance-id'
const TIMEOUT_MS = 1_500

export interface Here {
  /** Null: not at Hetzner, or nobody answered in time. */
  serverId: number | null
  hostname: string
  addresses: readonly string[]
}

export async function whereAmI(signal: AbortSignal, metadata = METADATA): Promise<Here> {
  return {
    serverId: await instanceId(signal, metadata),
    hostname: hostname(),
    addresses: Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(one => one.address)),
  }
}

/** Why this is the very server; null when nothing says so. Pure. */
export function sameServer(here: Here, server: Server): string | null {
  if (here.serverId === server.id) return `the metadata of this machine say that it is server ${server.id}`
  const own = [server.public_net.ipv4?.ip, ...server.private_net.map(one => one.ip)]
  const shared =
    here.serverId === null ? own.find(ip => ip !== undefined && here.addresses.includes(ip)) : undefined
  if (shared !== undefined) return `this machine has its address ${shared}`
  const named = here.serverId === null && here.hostname.split('.')[0] === server.name.split('.')[0]
  return named ? `this machine is called ${here.hostname} too` : null
}

async function instanceId(signal: AbortSignal, metadata: string): Promise<number | null> {
  const late = noAnswer('the metadata of this machine', 'no answer')
  try {
    const text = await withDeadline({ ms: TIMEOUT_MS, late, signal }, async inTime => {
      const answer = await fetch(metadata, { signal: inTime, redirect: 'error' })
      return answer.ok ? answer.text() : ''
    })
    return /^\d+$/.test(text.trim()) ? Number(text.trim()) : null
  } catch {
    signal.throwIfAborted()
    return null
  }
}
