// Is each tenant inside its windows? Pure: from what is known of its backups and proofs, worst first.
import type { BackupId } from '../domain/ids.js'
import type { SubjectId } from '../domain/subject.js'

/** In the order of what they mean for a recovery, the worst first. */
export const TROUBLES = [
  'database gone',
  'not backed up',
  'no backup',
  'every backup broken',
  'newest backup broken',
  'proof failed',
  'backup late',
  'older backup broken',
  'proof too old',
] as const
export type Trouble = (typeof TROUBLES)[number]

/** What is known of one subject. Instants are milliseconds since 1970. */
export interface SubjectFacts {
  subject: SubjectId
  /** False: its database is no longer on the server; null: nobody could ask. */
  living: boolean | null
  /** The platform's own list names its database, which is not there or left out: that is an accident, and no departure. */
  wanted?: boolean
  /** Why its database, which is on the server, is left out; null: it is not. */
  leftOut?: string | null
  /** The newest that is not known as broken: what a restore would take. */
  newest: { id: BackupId; instantMs: number; bytes: number } | null
  /** The newest there is, broken or not; null: none. */
  latest: BackupId | null
  /** When its first backup that is still known was made. */
  firstMs: number | null
  /** The newest restore that passed. */
  provenAtMs: number | null
  /** Backups whose newest verdict was "failed". */
  broken: readonly { id: BackupId; level: 'stored' | 'read' | 'restore' }[]
  storedBytes: number
  /** What a restore with its proof should take; null: nothing to restore. */
  expectedSeconds: number | null
}

export interface Windows {
  /** How old the newest backup may become; null: nothing is scheduled, nothing is judged. */
  backupMs: number | null
  /** How old the newest proof may become; null likewise. */
  proofMs: number | null
}

export interface SubjectStatus extends Omit<SubjectFacts, 'wanted' | 'leftOut'> {
  leftOut: string | null
  /** Data that would be lost now; null: all of it. */
  rpoSeconds: number | null
  proofAgeSeconds: number | null
  /** Worst first; none: inside every window. */
  troubles: Trouble[]
}

export function judge(facts: SubjectFacts, windows: Windows, nowMs: number): SubjectStatus {
  const { wanted: _, ...known } = facts
  const { newest, provenAtMs } = facts
  const none: Trouble = facts.latest === null ? 'no backup' : 'every backup broken'
  return {
    ...known,
    leftOut: facts.leftOut ?? null,
    rpoSeconds: newest && seconds(nowMs - newest.instantMs),
    proofAgeSeconds: provenAtMs === null ? null : seconds(nowMs - provenAtMs),
    troubles: newest ? troublesOf({ ...facts, newest }, windows, nowMs) : [...unserved(facts), none],
  }
}

type Known = SubjectFacts & { newest: NonNullable<SubjectFacts['newest']> }

function troublesOf(facts: Known, { backupMs, proofMs }: Windows, nowMs: number): Trouble[] {
  const { newest, latest, broken, living, firstMs, provenAtMs } = facts
  const own = broken.find(one => one.id === latest)
  // A database that is gone gets no newer backup; one that was never proven has as long as any other to be.
  const late = backupMs !== null && living !== false && nowMs - newest.instantMs > backupMs
  const since = provenAtMs ?? firstMs ?? nowMs
  const found: Record<Trouble, boolean> = {
    'database gone': unserved(facts).includes('database gone'),
    'not backed up': unserved(facts).includes('not backed up'),
    'no backup': false,
    'every backup broken': false,
    'newest backup broken': own !== undefined && own.level !== 'restore',
    'proof failed': own?.level === 'restore',
    'backup late': late,
    'older backup broken': broken.some(one => one.id !== latest),
    'proof too old': proofMs !== null && nowMs - since > proofMs,
  }
  return TROUBLES.filter(trouble => found[trouble])
}

/** Who should be on the server and is not, or is there and left out. */
function unserved({ wanted, leftOut }: SubjectFacts): Trouble[] {
  if (wanted !== true) return []
  return [typeof leftOut === 'string' ? 'not backed up' : 'database gone']
}

/** Worst first: by the worst trouble, then by how much would be lost. */
export function worstFirst(a: SubjectStatus, b: SubjectStatus): number {
  const rank = ({ troubles: [worst] }: SubjectStatus): number =>
    worst === undefined ? TROUBLES.length : TROUBLES.indexOf(worst)
  const lost = ({ rpoSeconds }: SubjectStatus): number => rpoSeconds ?? Number.MAX_SAFE_INTEGER
  return rank(a) - rank(b) || lost(b) - lost(a) || (a.subject < b.subject ? -1 : 1)
}

const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1000))
