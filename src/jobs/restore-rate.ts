// How long a restore of a tenant will take, from what this very tenant's restores, drills or dumps took.
import type { Manifest } from '../domain/manifest.js'
import type { SubjectId } from '../domain/subject.js'
import type { Sayings } from '../repository/standing.js'
import type { Parts } from './parts.js'

export interface ExpectedTime {
  seconds: number
  /** What was measured: restores, test restores, or only the dumps; nothing: the machine's plain speed is assumed. */
  basis: 'restores' | 'drills' | 'dumps' | 'nothing'
  samples: number
}

/** Load, indexes and proof against a dump, where nothing better is known. */
const DUMPS_IN_A_RESTORE = 4
const ASSUMED_BYTES_PER_SECOND = 10 * 1024 * 1024
const SAMPLES_MAX = 5

/**
 * Seconds that loading and proving this backup should take; a safety copy comes on top.
 * @param bytes of it that are loaded, all by default.
 */
export function expectedRestore(
  parts: Parts,
  { subject, stream }: Manifest,
  sayings: Pick<Sayings, 'proofs'>,
  bytes: number = stream.bytes,
): ExpectedTime {
  const samples: [ExpectedTime['basis'], number[]][] = [
    ['restores', restoreRates(parts, subject)],
    ['drills', drillRates(parts, subject, sayings)],
    ['dumps', dumpRates(parts, subject).map(rate => rate / DUMPS_IN_A_RESTORE)],
  ]
  const found = samples.find(([, rates]) => rates.length > 0)
  if (!found) return { seconds: bytes / ASSUMED_BYTES_PER_SECOND, basis: 'nothing', samples: 0 }
  const [basis, rates] = found
  return { seconds: bytes / median(rates.slice(0, SAMPLES_MAX)), basis, samples: rates.length }
}

/** Seconds of this subject's newest dump; 0 when there is none. */
export const expectedDump = (parts: Parts, subject: SubjectId): number =>
  parts.catalogue.list({ subject, limit: 1 })[0]?.seconds ?? 0

/** Bytes a second, newest first. */
function restoreRates({ journal }: Parts, subject: SubjectId): number[] {
  return journal
    .runs({ job: 'restore', subject, state: 'succeeded', limit: SAMPLES_MAX })
    .map(({ facts }) => rate(facts.loadedBytes, facts.loadSeconds))
    .filter(isRate)
}

function drillRates({ catalogue }: Parts, subject: SubjectId, { proofs }: Pick<Sayings, 'proofs'>): number[] {
  const bytes = new Map(catalogue.list({ subject }).map(entry => [entry.id, entry.bytes]))
  return [...proofs.values()]
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .map(proof => rate(bytes.get(proof.backup), proof.seconds))
    .filter(isRate)
}

const dumpRates = ({ catalogue }: Parts, subject: SubjectId): number[] =>
  catalogue
    .list({ subject, limit: SAMPLES_MAX })
    .map(entry => rate(entry.bytes, entry.seconds))
    .filter(isRate)

/** A tenth of a second is the noise of starting things. */
const rate = (bytes: unknown, seconds: unknown): number | null =>
  typeof bytes === 'number' && typeof seconds === 'number' ? bytes / Math.max(seconds, 0.1) : null

const isRate = (one: number | null): one is number => one !== null && one > 0

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? ASSUMED_BYTES_PER_SECOND
