// What is known of one backup by all its proofs: stored, read back, proven, and how long a restore takes. Pure.
import type { ProofRecord } from './records.js'

type Judged = Pick<ProofRecord, 'at' | 'level' | 'outcome' | 'loadSeconds' | 'seconds' | 'differences'>

/** What all proofs of one backup come to. A restore reads back what is stored, so the higher level says the lower ones. */
export interface Verdicts {
  storedAt: string | null
  readBackAt: string | null
  provenAt: string | null
  /** Of the newest restore that passed. */
  loadSeconds: number | null
  seconds: number | null
  /** The newest verdict at the level of a restore, or at any other when that is newer, was "failed". */
  failed: { at: string; level: ProofRecord['level']; differences: string[] } | null
}

/** Pure: the verdicts on one backup, of its proofs in any order. */
export function verdictsOf(proofs: readonly Judged[]): Verdicts {
  const newest = proofs.toSorted((a, b) => (a.at < b.at ? 1 : -1))
  const passed = newest.filter(one => one.outcome === 'passed')
  const at = (...levels: ProofRecord['level'][]) => passed.find(one => levels.includes(one.level)) ?? null
  const restored = at('restore')
  const failure = newest.find(one => one.outcome === 'failed')
  // A failure stands until something at least as telling passed after it.
  const rank = (one: Judged): number => ['stored', 'read', 'restore'].indexOf(one.level)
  const undone = failure && passed.some(one => one.at > failure.at && rank(one) >= rank(failure))
  return {
    storedAt: at('stored', 'read', 'restore')?.at ?? null,
    readBackAt: at('read', 'restore')?.at ?? null,
    provenAt: restored?.at ?? null,
    loadSeconds: restored?.loadSeconds ?? null,
    seconds: restored?.seconds ?? null,
    failed:
      failure && !undone ? { at: failure.at, level: failure.level, differences: failure.differences } : null,
  }
}
