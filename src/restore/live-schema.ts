// A live database that gets a schema of restored tables: whether it may, and how nothing in it stirs meanwhile.
import type { PostgresConfig } from '../domain/configuration.js'
import { Failure } from '../domain/errors.js'
import { endBackendsOf } from '../postgres/backend.js'
import { type Session, withSession } from '../postgres/connection.js'
import { databaseExists } from '../postgres/databases.js'
import {
  checkSchemaName,
  dropSchema,
  NO_TRIGGERS,
  schemaExists,
  surroundingsOf,
} from '../postgres/schemas.js'
import type { PostgresTarget } from '../postgres/target.js'

/** What keeps a schema of this name from being made in the live database; extensions apart, which only the load shows. */
export async function schemaProblems(
  postgres: PostgresConfig,
  session: Session,
  live: string,
  schema: string,
  signal: AbortSignal,
): Promise<Failure[]> {
  checkSchemaName(schema)
  if (!(await databaseExists(session, live))) {
    return [
      new Failure('tenant-unknown', `there is no database ${live} to put a schema into`, {
        hint: 'restore the tables beside, with --as <new database>, or the whole tenant with --in-place',
      }),
    ]
  }
  return withSession(postgres, live, { signal }, async there => {
    const { problems } = await surroundingsOf(there)
    if (!(await schemaExists(there, schema))) return problems
    const taken = new Failure('target-exists', `${live} has a schema ${schema} already`, {
      hint: 'choose another name with --into-schema; nothing is ever overwritten',
    })
    return [taken, ...problems]
  })
}

type Homes = readonly { name: string; schema: string }[]

/** Types and functions of an extension are not copied: the live database's own are used, by name. @throws Failure extension-missing. */
export function assertExtensions(live: string, needed: Homes, there: Homes): void {
  const missing = needed.filter(
    one => !there.some(other => other.name === one.name && other.schema === one.schema),
  )
  const [first] = missing
  if (!first) return
  const names = missing.map(one => `${one.name} (schema ${one.schema})`).join(', ')
  throw new Failure('extension-missing', `${live} lacks the extensions ${names}`, {
    hint: `make them there, or restore the tables beside, with --as <new database>`,
  })
}

/** A connection to the live database on which no event trigger fires. */
export async function silently(
  postgres: PostgresTarget,
  live: string,
  signal: AbortSignal | undefined,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  await withSession(postgres, live, signal ? { signal } : {}, async session => {
    if ((await surroundingsOf(session)).silence) await session.run(`SET ${NO_TRIGGERS}`)
    await work(session)
  })
}

/** What the session that makes a schema calls itself. */
export const writerOf = (schema: string): string => `gmah-backup ${schema}`

/** What a restore that did not end made in a live database. @throws Failure postgres-*. */
export const dropUnprovenSchema = (postgres: PostgresConfig, live: string, schema: string): Promise<void> =>
  silently(postgres, live, undefined, async session => {
    // Until its COMMIT is done or undone the schema is not to be seen, and would come after we had looked.
    if (!(await endBackendsOf(session, writerOf(schema))))
      throw new Failure(
        'postgres-failed',
        `the session that makes the schema ${schema} of ${live} does not end`,
      )
    await dropSchema(session, schema)
  })
