// The errands that look after the store: check, verify, sweep, archives, pins.
import { z } from 'zod'
import type { ArchiveMade } from '../domain/archive.js'
import { PROOF_LEVELS } from '../domain/proof-level.js'
import { isReadWords, readModeOf } from '../domain/read-mode.js'
import type { Pin } from '../domain/records.js'
import { type ArchiveRequest, archiveTenant } from './archive-tenant.js'
import { type CheckReport, endOfCheck } from './check-report.js'
import { checkStore } from './check-store.js'
import { lookWhoIsThere } from './departures.js'
import { type Errand, subjectId, whichBackup } from './errand.js'
import { pinBackup, unpinBackup } from './pin-backup.js'
import { endOfSweep, type SweepReport, sweepStore } from './sweep-store.js'
import { endOfVerify, type VerifyReport, type VerifyRequest, verifyBackup } from './verify.js'
import { type VerifyReport as VerifiedArchive, verifyArchive } from './verify-archive.js'

const checkRequest = z.strictObject({
  names: z.array(z.string().min(1).max(200)).max(1000),
  read: z.string().refine(isReadWords),
  /** Of a whole rotation. */
  nights: z.int().min(1).max(366),
  budgetBytes: z.int().min(1).nullable(),
})

export const CHECK: Errand<z.output<typeof checkRequest>, CheckReport> = {
  name: 'check',
  asks: checkRequest,
  // A look at some, or a name that was mistyped, is not the night's look at everything: schedules go by the job's name.
  job: ({ names }) => (names.length === 0 ? { name: 'check' } : { name: 'check-some', lock: 'check' }),
  perform: async (parts, { names, read, nights, budgetBytes }, context) => {
    const told = await checkStore(parts, { names, mode: readModeOf(read, nights), budgetBytes }, context)
    return { ...endOfCheck(told), told }
  },
}

const verifyRequest = z.strictObject({
  subject: subjectId,
  backup: whichBackup,
  level: z.enum(PROOF_LEVELS),
})

export const VERIFY: Errand<VerifyRequest, VerifyReport> = {
  name: 'verify',
  asks: verifyRequest,
  job: ({ subject }) => ({ name: 'verify', subject }),
  perform: async (parts, asked, context) => {
    const told = await verifyBackup(parts, asked, context)
    return { ...endOfVerify(told), told }
  },
}

const sweepRequest = z.strictObject({ yesRemove: z.int().min(1).nullable() })

export const SWEEP: Errand<z.output<typeof sweepRequest>, SweepReport> = {
  name: 'sweep',
  asks: sweepRequest,
  job: () => ({ name: 'sweep' }),
  perform: async (parts, { yesRemove }, context) => {
    const present = await lookWhoIsThere(parts, context.signal)
    const told = await sweepStore(parts, { present, yesRemove }, context)
    return { ...endOfSweep(told), told }
  },
}

const archiveRequest = z.strictObject({
  subject: subjectId,
  month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/),
  backup: whichBackup,
})

export const ARCHIVE: Errand<ArchiveRequest, ArchiveMade> = {
  name: 'archive',
  asks: archiveRequest,
  job: ({ subject }) => ({ name: 'archive', subject }),
  perform: async (parts, asked, context) => {
    const told = await archiveTenant(parts, asked, context)
    // A file that is missing makes it partial, as in the month's own run.
    const outcome = told.missing > 0 ? 'partial' : 'succeeded'
    return { outcome, facts: { archive: told.name, missing: told.missing }, told }
  },
}

const archiveChoice = z.strictObject({ subject: subjectId, archive: z.string().min(1).max(40) })

export const ARCHIVE_VERIFY: Errand<z.output<typeof archiveChoice>, VerifiedArchive> = {
  name: 'archive-verify',
  asks: archiveChoice,
  job: ({ subject }) => ({ name: 'archive-verify', subject }),
  perform: async (parts, asked, context) => {
    const told = await verifyArchive(parts, asked, context)
    const { archive, members, bytes } = told
    return { outcome: 'succeeded', facts: { archive, members, bytes }, told }
  },
}

const pinRequest = z.strictObject({
  subject: subjectId,
  backup: whichBackup,
  who: z.string().min(1).max(100),
  why: z.string().min(1).max(1000),
})

export const PIN: Errand<z.output<typeof pinRequest>, Pin> = {
  name: 'pin',
  asks: pinRequest,
  job: ({ subject }) => ({ name: 'pin', subject }),
  perform: async (parts, asked, context) => ({
    outcome: 'succeeded',
    told: await pinBackup(parts, asked, context),
  }),
}

const unpinRequest = pinRequest.omit({ why: true })

export const UNPIN: Errand<z.output<typeof unpinRequest>, { backup: string; pinned: false }> = {
  name: 'unpin',
  asks: unpinRequest,
  job: ({ subject }) => ({ name: 'unpin', subject }),
  perform: async (parts, asked, context) => {
    await unpinBackup(parts, asked, context)
    return { outcome: 'succeeded', told: { backup: asked.backup, pinned: false } }
  },
}
