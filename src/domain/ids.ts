// Identifiers and instants. Each is a branded string that only its parse or make function can create.
import { randomBytes } from 'node:crypto'
import { Failure } from './errors.js'

declare const brand: unique symbol
type Branded<T, B extends string> = T & { readonly [brand]: B }

/** 12 lowercase hex digits, random: one backup. */
export type BackupId = Branded<string, 'BackupId'>
/** 12 lowercase hex digits, random: one execution of a job. */
export type RunId = Branded<string, 'RunId'>
/** 64 lowercase hex digits: HMAC-SHA256(tenant's chunk-id key, plaintext). */
export type ChunkId = Branded<string, 'ChunkId'>
/**
 * An instant in UTC to the millisecond, as it stands in object keys: 20261123T021500.123Z. Finer than a second, because
 * two backups of one subject within a second must still be told apart by age: which is the newest decides what is restored.
 */
export type Instant = Branded<string, 'Instant'>

const ID = /^[0-9a-f]{12}$/
const CHUNK = /^[0-9a-f]{64}$/
const INSTANT = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})\.(\d{3})Z$/

export const newBackupId = (): BackupId => randomBytes(6).toString('hex') as BackupId
export const newRunId = (): RunId => randomBytes(6).toString('hex') as RunId

/** @throws Failure usage */
export function parseBackupId(text: string): BackupId {
  if (!ID.test(text)) throw new Failure('usage', `not a backup id: ${text}`)
  return text as BackupId
}

/** @throws Failure usage */
export function parseRunId(text: string): RunId {
  if (!ID.test(text)) throw new Failure('usage', `not a run id: ${text}`)
  return text as RunId
}

/** @throws Failure usage */
export function parseChunkId(text: string): ChunkId {
  if (!CHUNK.test(text)) throw new Failure('usage', `not a chunk id: ${text}`)
  return text as ChunkId
}

/** Whole milliseconds, rounded down: the key of an object never claims a later instant than the data. */
export function instantOf(date: Date): Instant {
  return date.toISOString().replace(/[-:]/g, '') as Instant
}

/** @throws Failure usage when the text is not of the form 20261123T021500.123Z or names no real instant. */
export function parseInstant(text: string): Instant {
  const parts = INSTANT.exec(text)
  const iso = parts && `${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}.${parts[7]}Z`
  const time = iso ? Date.parse(iso) : Number.NaN
  if (!iso || Number.isNaN(time) || instantOf(new Date(time)) !== text) {
    throw new Failure('usage', `not an instant like 20261123T021500.123Z: ${text}`)
  }
  return text as Instant
}

/** Milliseconds since 1970 of an instant. */
export function instantMs(instant: Instant): number {
  const parts = INSTANT.exec(instant)
  if (!parts) throw new Failure('usage', `not an instant: ${instant}`)
  const [, year, month, day, hour, minute, second, ms] = parts.map(Number)
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second, ms)
}
