// How far a backup was looked at: all of it is stored, reads back, restores to equal tables.
export const PROOF_LEVELS = ['stored', 'read', 'restore'] as const
export type ProofLevel = (typeof PROOF_LEVELS)[number]
