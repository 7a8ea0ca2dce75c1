// A question: what a command shows before it does something, as plain data both ways. While a daemon runs it is the daemon
// that answers, as it would do it: by the configuration that it has in force, not by the file (docs/decisions/0043).
import { z } from 'zod'
import type { SubjectId } from '../domain/subject.js'
import { lookWhoIsThere } from './departures.js'
import { named, subjectId, whichBackup } from './errand.js'
import type { Briefly } from './errands-restore.js'
import type { Parts } from './parts.js'
import { type AskedRestore, planOf } from './planned-restore.js'
import { type GlobalsReport, restoreGlobals } from './restore-globals.js'
import type { RestorePlan } from './restore-plan.js'
import { type KeptEntry, planKeptSweep } from './sweep-kept.js'
import { type UndoTarget, undoTarget } from './undo-restore.js'
import { type RetentionView, viewRetention } from './view-retention.js'

/** Methods, so that questions of different kinds stand in one table. */
export interface Question<Asked = unknown, Told = unknown> {
  /** The last part of its path on the socket. */
  name: string
  /** What can be asked. */
  asks: z.ZodType<Asked>
  /** Reads only. @throws Failure */
  answer(parts: Parts, asked: Asked, signal: AbortSignal): Promise<Told>
}

const name = z.string().min(1).max(63)

type PlanAsked = Omit<AskedRestore, 'withoutSafetyCopy'>

export const PLAN_RESTORE: Question<PlanAsked, RestorePlan> = {
  name: 'plan-restore',
  asks: z.strictObject({
    subject: subjectId,
    backup: whichBackup,
    database: name.nullable(),
    withRoles: z.boolean(),
    intoSchema: name.nullable().optional(),
    tables: z
      .array(z.strictObject({ schema: name, name }))
      .max(1000)
      .optional(),
    archive: z.string().min(1).max(40).nullable().optional(),
  }),
  answer: (parts, asked, signal) => planOf(parts, asked, signal),
}

export const ROLES: Question<{ backup: string }, Briefly<GlobalsReport>> = {
  name: 'roles',
  asks: z.strictObject({ backup: whichBackup }),
  answer: async (parts, { backup }, signal) => {
    const report = await restoreGlobals(parts, { backup, dryRun: true }, { signal, emit: () => {} })
    return { ...report, manifest: named(report.manifest) }
  },
}

export const KEPT: Question<Record<string, never>, KeptEntry[]> = {
  name: 'kept',
  asks: z.strictObject({}),
  answer: (parts, _, signal) => planKeptSweep(parts, signal),
}

export const UNDO: Question<{ run: string }, UndoTarget> = {
  name: 'undo',
  asks: z.strictObject({ run: z.string().min(1).max(40) }),
  answer: (parts, { run }, signal) => undoTarget(parts, run, signal),
}

export const RETENTION: Question<{ only: SubjectId | null }, RetentionView> = {
  name: 'retention',
  asks: z.strictObject({ only: subjectId.nullable() }),
  answer: async (parts, { only }, signal) => {
    const present = await lookWhoIsThere(parts, signal)
    return viewRetention(parts, present, only, signal)
  },
}
