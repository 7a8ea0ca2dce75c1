// A plan of a restore as the API shows it.
import { z } from 'zod'
import { BACKUP_KINDS } from '../domain/manifest.js'
import type { StoredPlan } from '../jobs/restore-plans.js'

const count = z.int().nonnegative()

const plan = z.object({
  subject: z.string(),
  inPlace: z.boolean(),
  database: z.string().describe('What will hold the restored data'),
  intoSchema: z
    .string()
    .nullable()
    .describe('The new schema of it that will, when only tables are asked for'),
  archive: z.string().nullable().describe('The monthly archive that it comes from'),
  part: z
    .object({
      tables: z.array(z.object({ schema: z.string(), name: z.string(), rows: count })),
      rows: count,
      bytes: count,
      fetchedChunks: count,
      fetchedBytes: count,
    })
    .nullable()
    .describe('What of the backup is asked for; null: all of it'),
  backup: z.object({
    backup: z.string(),
    kind: z.enum(BACKUP_KINDS),
    label: z.string().nullable(),
    instant: z.string(),
    ageSeconds: z.number(),
    tables: count,
    rows: count,
    bytes: count,
    storedBytes: count,
  }),
  gapSeconds: z.number().nullable().describe("From the backup's instant to the one asked for"),
  passedOver: z
    .array(
      z.object({
        backup: z.string(),
        instant: z.string(),
        kind: z.string(),
        code: z.string(),
        message: z.string(),
      }),
    )
    .describe('Newer backups that are broken'),
  expected: z.object({
    seconds: z.number(),
    basis: z.enum(['restores', 'drills', 'dumps', 'nothing']),
    samples: count,
    safetyCopySeconds: z.number(),
  }),
  live: z
    .object({
      database: z.string(),
      bytes: count,
      connections: z.array(
        z.object({ user: z.string(), application: z.string(), client: z.string(), count }),
      ),
      changes: z.array(z.object({ name: z.string(), backup: z.string(), now: z.string() })),
    })
    .nullable()
    .describe('As it is now; in place its connections are ended'),
  younger: z
    .object({
      seconds: z.number(),
      walBytes: z.number().nullable(),
      tables: z
        .array(
          z.object({
            schema: z.string(),
            name: z.string(),
            backup: z.number().nullable(),
            now: z.number().nullable(),
          }),
        )
        .nullable(),
    })
    .describe('What is younger than the backup, and in place would be put aside'),
  missingRoles: z.array(z.string()),
  versions: z.object({ backup: z.string(), server: z.string() }),
  disk: z.object({ neededBytes: z.number(), freeBytes: z.number().nullable() }),
  problems: z
    .array(z.object({ code: z.string(), message: z.string(), hint: z.string() }))
    .describe('What stands in the way; empty: it can start'),
})

export const planShape = z.strictObject({
  id: z.string(),
  who: z.string(),
  madeAt: z.date(),
  expiresAt: z.date(),
  approvedBy: z.string().nullable(),
  run: z.string().nullable().describe('The restore it was used for'),
  plan,
})

export const planView = (stored: StoredPlan): z.output<typeof planShape> => ({
  id: stored.id,
  who: stored.who,
  madeAt: stored.madeAt,
  expiresAt: stored.expiresAt,
  approvedBy: stored.approvedBy,
  run: stored.run,
  // Plans of an older version lack them, and are shown for a while.
  plan: { intoSchema: null, archive: null, part: null, ...stored.plan } as z.output<typeof plan>,
})
