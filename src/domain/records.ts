// What is said of a backup after it was made: pins, proofs, marks of damage. Each is a small document of its own in the store,
// appended and never patched into a manifest, so that it outlives this machine. docs/format.md describes the fields.
import { z } from 'zod'
import type { BackupId, ChunkId } from './ids.js'
import { PROOF_LEVELS } from './proof-level.js'

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`))
const backup = hex(12).transform(id => id as BackupId)
const format = z.literal(1)
const at = z.iso.datetime()

/** Someone wants this backup kept, whatever the policy says. */
export const pinSchema = z.strictObject({ format, backup, at, who: z.string(), why: z.string() })
export type Pin = z.infer<typeof pinSchema>

/** A verdict on one backup: is everything stored, does it read back, does it restore to equal tables. */
export const proofSchema = z.strictObject({
  format,
  backup,
  at,
  level: z.enum(PROOF_LEVELS),
  outcome: z.enum(['passed', 'failed']),
  /** Seconds of the load alone (level restore), and of everything. */
  loadSeconds: z.number().nonnegative().nullable(),
  seconds: z.number().nonnegative(),
  tables: z.int().nonnegative(),
  rows: z.int().nonnegative(),
  /** What was not as it should be, one line each; empty when it passed. */
  differences: z.array(z.string()),
  /** What the scratch could not have like the original, though the data is equal. */
  notes: z.array(z.string()).optional(),
  tool: z.string(),
})
export type ProofRecord = z.infer<typeof proofSchema>

/** What a test restore found; the record adds whose it is and when. */
export type ProofFindings = Pick<ProofRecord, 'loadSeconds' | 'tables' | 'rows' | 'differences'> & {
  notes: string[]
}

/** A chunk that is not what was stored: every backup that names it is broken, and the next dump stores it anew. */
export const damageSchema = z.strictObject({
  format,
  chunk: hex(64).transform(id => id as ChunkId),
  at,
  kind: z.enum(['missing', 'wrong-length', 'corrupt']),
  message: z.string(),
})
export type DamageMark = z.infer<typeof damageSchema>

/** Chunks that no backup names, each since when: a later sweep deletes them. The newest of these records counts alone. */
export const waitingSchema = z.strictObject({
  format,
  at,
  waiting: z.array(z.strictObject({ since: at, chunks: z.array(hex(64).transform(id => id as ChunkId)) })),
})
export type WaitingRecord = z.infer<typeof waitingSchema>

/** The subject's database was found gone. Worthless as soon as there is a younger backup. */
export const departedSchema = z.strictObject({ format, at })
