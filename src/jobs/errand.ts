// An errand: a job that a person asks for, as plain data both ways. It is the same job wherever it runs: in the command's
// own process or, while a daemon runs, in the daemon, which is asked over its socket (docs/decisions/0034).
import { z } from 'zod'
import type { Manifest } from '../domain/manifest.js'
import { isSubjectId, type SubjectId } from '../domain/subject.js'
import type { JobContext, Parts } from './parts.js'
import type { JobEnd, JobRequest } from './runner.js'

/**
 * @typeParam Asked the request, @typeParam Told what is told of its report: small, plain data with dates and failures.
 * Methods, so that errands of different requests stand in one table.
 */
export interface Errand<Asked = unknown, Told = unknown> {
  /** The last part of its path on the socket. */
  name: string
  /** What a request must be. */
  asks: z.ZodType<Asked>
  job(asked: Asked): Omit<JobRequest, 'trigger'>
  /** Does it. @throws Failure what the job failed of. */
  perform(parts: Parts, asked: Asked, context: JobContext): Promise<JobEnd & { told: Told }>
}

/** Of a manifest, what a report says; the rest of it may be megabytes. */
export type BackupNamed = Pick<Manifest, 'backup' | 'subject' | 'instant'>

export const named = ({ backup, subject, instant }: BackupNamed): BackupNamed => ({
  backup,
  subject,
  instant,
})

/** The schema of a subject's id. */
export const subjectId = z
  .string()
  .max(800)
  .refine(isSubjectId, 'is no subject') as unknown as z.ZodType<SubjectId>

/** `latest`, a backup id or its beginning, or an instant. */
export const whichBackup = z.string().min(1).max(40)
