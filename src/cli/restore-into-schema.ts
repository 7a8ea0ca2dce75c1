// `restore <tenant> --tables … --into-schema <schema>`: some tables of a backup beside what is there, in the live database.
import { shellWord } from '../domain/shell-word.js'
import { subjectName } from '../domain/subject.js'
import { type Briefly, type Located, RESTORE_INTO_SCHEMA } from '../jobs/errands-restore.js'
import type { SchemaReport, SchemaRequest } from '../jobs/restore-into-schema.js'
import type { Desk } from './desk.js'
import { instantText, show, type Terminal } from './output.js'
import { watched } from './progress.js'
import { passedOverLines, proofLines } from './restore-text.js'

export async function putIntoSchema(
  desk: Desk,
  terminal: Terminal,
  request: SchemaRequest,
): Promise<undefined> {
  const report = await watched(terminal, desk.clock, watch =>
    desk.errand(RESTORE_INTO_SCHEMA, { ...request, tables: [...request.tables] }, watch),
  )
  show(terminal, schemaJson(report), () => schemaText(report))
  return undefined
}

const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`

function schemaText(report: Located<SchemaReport>): string {
  const { manifest, database, schema, createdRoles, proof, passedOver, server } = report
  const psql = `psql -h ${shellWord(server.host)} -p ${server.port} -U ${shellWord(server.user)} -d ${shellWord(database)}`
  const type = (sql: string): string => `${psql} -c ${shellWord(sql)}`
  return [
    `schema ${schema} of ${database} holds these tables of ${subjectName(manifest.subject)} as of ${instantText(manifest.instant)} (backup ${manifest.backup})`,
    ...passedOverLines(passedOver),
    ...proofLines(proof),
    ...(createdRoles.length > 0 ? [`created roles: ${createdRoles.join(', ')}`] : []),
    `look at them: ${type(`\\d+ ${quotedName(schema)}.*`)}`,
    `drop them:    ${type(`DROP SCHEMA ${quotedName(schema)} CASCADE`)}`,
  ].join('\n')
}

function schemaJson({ manifest, database, schema, createdRoles, passedOver, proof }: Briefly<SchemaReport>) {
  const { subject, backup, instant } = manifest
  return { database, schema, subject, backup, instant, createdRoles, passedOver, proof }
}
