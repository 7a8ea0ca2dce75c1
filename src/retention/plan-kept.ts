// Which databases that restores have put aside may be dropped, and why each other one may not. Pure.

export interface KeptState {
  database: string
  live: string | null
  liveThere: boolean
  until: Date | null
}

export interface KeptVerdict<T extends KeptState> {
  kept: T
  drop: boolean
  reason: string
}

/** A verdict for each, in their order. What is not known for sure is kept. */
export function planKept<T extends KeptState>(all: readonly T[], now: Date): KeptVerdict<T>[] {
  return all.map(kept => {
    const why = reasonToKeep(kept, now)
    if (why !== null) return { kept, drop: false, reason: why }
    return {
      kept,
      drop: true,
      reason: `its days ended ${dayOf(kept.until)}, and ${kept.live} is there`,
    }
  })
}

function reasonToKeep({ live, liveThere, until }: KeptState, now: Date): string | null {
  if (until === null) return 'the journal does not know since when it is there: drop it by hand'
  if (live === null) return 'nobody knows whose it is: drop it by hand'
  if (!liveThere) return `${live} is not there: this may be all there is`
  if (now < until) return `kept until ${dayOf(until)}`
  return null
}

/** 2026-12-03 00:15Z */
const dayOf = (until: Date | null): string => `${until?.toISOString().slice(0, 16).replace('T', ' ')}Z`
