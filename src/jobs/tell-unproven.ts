// Schemas in a live database that a restore made and never proved, and whose run is not under way here: another machine's, or one
// that a lost journal knew. Nobody drops them unasked, for they may be in the making; every backup of the database says so.
import { unprovenRun } from '../domain/restore-names.js'
import type { SubjectId } from '../domain/subject.js'
import type { Session } from '../postgres/connection.js'
import { commentedSchemas } from '../postgres/schemas.js'
import type { JobContext, Parts } from './parts.js'

/** @param session on the subject's database. */
export async function tellUnproven(
  { journal }: Pick<Parts, 'journal'>,
  subject: SubjectId,
  session: Session,
  context: JobContext,
): Promise<void> {
  const left = (await commentedSchemas(session)).flatMap(({ name, comment }) => {
    const run = unprovenRun(name, comment)
    return run === null || journal.run(run)?.outcome === 'running' ? [] : [name]
  })
  if (left.length === 0) return
  context.emit({
    type: 'schemas-left',
    subject,
    facts: { database: session.database, schemas: left.sort() },
  })
}
