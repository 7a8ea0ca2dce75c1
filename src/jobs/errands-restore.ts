// The errands that bring something back: beside, in place, out of an archive, the roles; and undoing.
import { z } from 'zod'
import type { PostgresConfig } from '../domain/configuration.js'
import { Failure } from '../domain/errors.js'
import { parseRunId } from '../domain/ids.js'
import { GLOBALS, subjectName } from '../domain/subject.js'
import { assertConfirmed } from './confirmed.js'
import { type BackupNamed, type Errand, named, subjectId, whichBackup } from './errand.js'
import type { InPlaceReport, InPlaceRequest, SwapOutcome } from './in-place-report.js'
import type { Parts } from './parts.js'
import { restoreArchive } from './restore-archive.js'
import { endOfRestore, type RestoreReport, restoreBeside } from './restore-beside.js'
import { type GlobalsReport, restoreGlobals } from './restore-globals.js'
import { endOfInPlace, restoreInPlace } from './restore-in-place.js'
import { restoreIntoSchema, type SchemaReport } from './restore-into-schema.js'
import { endOfKeptSweep, type KeptSweep, sweepKept } from './sweep-kept.js'
import { undoRestore, undoTarget } from './undo-restore.js'

/** A report with its backup by name alone. */
export type Briefly<T extends { manifest: unknown }> = Omit<T, 'manifest'> & { manifest: BackupNamed }

const briefly = <T extends { manifest: BackupNamed }>(report: T): Briefly<T> => ({
  ...report,
  manifest: named(report.manifest),
})

/** A report that says on which server it is: whoever reads it may have another configuration. */
export type Located<T extends { manifest: unknown }> = Briefly<T> & {
  server: Pick<PostgresConfig, 'host' | 'port' | 'user'>
}

function located<T extends { manifest: BackupNamed }>({ config }: Parts, report: T): Located<T> {
  const { host, port, user } = config.postgres
  return { ...briefly(report), server: { host, port, user } }
}

const database = z.string().min(1).max(63)
const tableName = z.strictObject({ schema: z.string().min(1).max(63), name: z.string().min(1).max(63) })

const besideRequest = z.strictObject({
  subject: subjectId,
  backup: whichBackup,
  database,
  withRoles: z.boolean(),
  tables: z.array(tableName).min(1).max(1000).optional(),
})

export const RESTORE: Errand<z.output<typeof besideRequest>, Located<RestoreReport>> = {
  name: 'restore',
  asks: besideRequest,
  job: ({ subject }) => ({ name: 'restore', subject }),
  perform: async (parts, { tables, ...asked }, context) => {
    const report = await restoreBeside(parts, { ...asked, ...(tables ? { tables } : {}) }, context)
    return { ...endOfRestore(report), told: located(parts, report) }
  },
}

const schemaRequest = besideRequest
  .omit({ database: true })
  .extend({ tables: z.array(tableName).min(1).max(1000), intoSchema: z.string().min(1).max(63) })

export const RESTORE_INTO_SCHEMA: Errand<z.output<typeof schemaRequest>, Located<SchemaReport>> = {
  name: 'restore-into-schema',
  asks: schemaRequest,
  job: ({ subject }) => ({ name: 'restore', subject }),
  perform: async (parts, asked, context) => {
    const report = await restoreIntoSchema(parts, asked, context)
    return { ...endOfRestore(report), told: located(parts, report) }
  },
}

const archiveRequest = besideRequest
  .omit({ backup: true, tables: true })
  .extend({ archive: z.string().min(1).max(40) })

export const RESTORE_ARCHIVE: Errand<z.output<typeof archiveRequest>, Located<RestoreReport>> = {
  name: 'restore-archive',
  asks: archiveRequest,
  job: ({ subject }) => ({ name: 'restore', subject }),
  perform: async (parts, asked, context) => {
    const report = await restoreArchive(parts, asked, context)
    return { ...endOfRestore(report), told: located(parts, report) }
  },
}

/** What replaces live data comes with the tenant's name, as a person typed it. */
const confirm = z.string().min(1).max(200)

const inPlaceRequest = z.strictObject({
  subject: subjectId,
  backup: whichBackup,
  withRoles: z.boolean(),
  withoutSafetyCopy: z.string().min(1).max(500).nullable(),
  confirm,
})

export type InPlaceTold = Omit<Briefly<InPlaceReport>, 'safetyCopy'> & { safetyCopy: BackupNamed | null }

export const RESTORE_IN_PLACE: Errand<InPlaceRequest & { confirm: string }, InPlaceTold> = {
  name: 'restore-in-place',
  asks: inPlaceRequest,
  job: ({ subject }) => ({ name: 'restore', subject }),
  perform: async (parts, { confirm: typed, ...asked }, context) => {
    assertConfirmed(subjectName(asked.subject), typed)
    const report = await restoreInPlace(parts, asked, context)
    const { safetyCopy } = report
    const told = { ...briefly(report), safetyCopy: safetyCopy && named(safetyCopy) }
    return { ...endOfInPlace(report, asked), told }
  },
}

const undoRequest = z.strictObject({ run: z.string().regex(/^[0-9a-f]{12}$/), subject: subjectId, confirm })

export const RESTORE_UNDO: Errand<z.output<typeof undoRequest>, SwapOutcome> = {
  name: 'restore-undo',
  asks: undoRequest,
  job: ({ subject }) => ({ name: 'restore-undo', subject, lock: `restore of ${subject}` }),
  perform: async (parts, { run, subject, confirm: typed }, context) => {
    assertConfirmed(subjectName(subject), typed)
    const target = await undoTarget(parts, run, context.signal)
    // What is locked, and was confirmed, is the subject of the request.
    if (target.subject !== subject)
      throw new Failure(
        'usage',
        `run ${run} is of ${subjectName(target.subject)}, not of ${subjectName(subject)}`,
        {
          hint: 'type `gmah-backup restore list` to see which run put what aside',
        },
      )
    const told = await undoRestore(parts, target, context)
    const facts = { undone: parseRunId(run), database: told.database, kept: told.kept }
    return { outcome: told.poolerProblem ? 'partial' : 'succeeded', facts, told }
  },
}

const globalsRequest = z.strictObject({ backup: whichBackup })

export const RESTORE_GLOBALS: Errand<z.output<typeof globalsRequest>, Briefly<GlobalsReport>> = {
  name: 'restore-globals',
  asks: globalsRequest,
  job: () => ({ name: 'restore', subject: GLOBALS }),
  perform: async (parts, { backup }, context) => {
    const report = await restoreGlobals(parts, { backup, dryRun: false }, context)
    const facts = { backup: report.manifest.backup, created: report.missing.length }
    return { outcome: 'succeeded', facts, told: briefly(report) }
  },
}

export const SWEEP_KEPT: Errand<Record<string, never>, Omit<KeptSweep, 'verdicts'>> = {
  name: 'sweep-kept',
  asks: z.strictObject({}),
  job: () => ({ name: 'sweep-kept' }),
  perform: async (parts, _, context) => {
    const report = await sweepKept(parts, context)
    const { dropped, failed } = report
    return { ...endOfKeptSweep(report), told: { dropped, failed } }
  },
}
