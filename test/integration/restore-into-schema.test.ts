// Some tables of a backup into a schema of their own in the live database: whole, proven, and nothing else stirred.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { asFailure, type Failure } from '../../src/domain/errors.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { closeDeadRuns, closeLastLife } from '../../src/jobs/daemon-work.js'
import type { JobContext } from '../../src/jobs/parts.js'
import { restoreIntoSchema, type SchemaReport } from '../../src/jobs/restore-into-schema.js'
import { silentLogger } from '../../src/sys/log.js'
import { contentHash } from '../kit/content-hash.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { databasesOf, putBack } from '../kit/in-place.js'

const LIVE = 'gmah_org_a'
const CHILD = new URL('../../dist/test/kit/swap-child.js', import.meta.url).pathname
const ODD = 'Od"d. Täble'
let scene: Scene
beforeAll(async () => {
  scene = await setScene(['a'], { rows: 300 })
  await scene.cluster.sql(
    LIVE,
    `CREATE EXTENSION citext; CREATE ROLE clerk; CREATE ROLE owner; GRANT CREATE ON SCHEMA public TO owner;
     CREATE SCHEMA kinds; CREATE TYPE kinds.mood AS ENUM ('sad', 'glad');
     CREATE TYPE kinds.span AS RANGE (subtype = int); CREATE DOMAIN kinds.word AS text CHECK (value <> '');
     CREATE FUNCTION kinds.twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
     CREATE TABLE "${ODD.replace('"', '""')}" (
       id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Mo od" kinds.mood, span kinds.span, name public.citext UNIQUE,
       word kinds.word, doubled int GENERATED ALWAYS AS (kinds.twice(length(word))) STORED, low int NOT NULL DEFAULT 1,
       high int CHECK (kinds.twice(high) > low), EXCLUDE USING gist (span WITH &&));
     CREATE INDEX ON "${ODD.replace('"', '""')}" (lower(word)) WHERE low > 0;
     CREATE STATISTICS seen ON low, high FROM "${ODD.replace('"', '""')}";
     ALTER TABLE "${ODD.replace('"', '""')}" OWNER TO owner, ENABLE ROW LEVEL SECURITY;
     CREATE POLICY mine ON "${ODD.replace('"', '""')}" TO clerk USING (low > 0);
     GRANT SELECT ON "${ODD.replace('"', '""')}" TO clerk;
     INSERT INTO "${ODD.replace('"', '""')}" ("Mo od", span, name, word, high)
       SELECT 'glad', int4range(i, i + 1)::text::kinds.span, 'N' || i, 'w' || i, 10 FROM generate_series(1, 50) i;
     CREATE TABLE child (parent int REFERENCES "${ODD.replace('"', '""')}" (id), at date) PARTITION BY RANGE (at);
     CREATE TABLE kinds.child_old PARTITION OF child FOR VALUES FROM ('2020-01-01') TO ('2026-01-01');
     INSERT INTO child SELECT i, '2025-01-01' FROM generate_series(1, 50) i;
     CREATE TABLE fired (what text);
     CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.fired VALUES (TG_NAME); RETURN NEW; END $$;
     CREATE TRIGGER each BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION fire();
     CREATE VIEW seeing AS SELECT * FROM child`,
  )
  expect(await scene.here.night()).toMatchObject({ failure: null })
  // What the live database has since: other rows, and things that act on whatever is made in it.
  await scene.cluster.sql(
    LIVE,
    `DELETE FROM child; DELETE FROM items;
     ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO clerk;
     CREATE FUNCTION stir() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.fired VALUES (TG_TAG); END $$;
     CREATE EVENT TRIGGER stirring ON ddl_command_end EXECUTE FUNCTION stir();
     CREATE EVENT TRIGGER dropping ON sql_drop EXECUTE FUNCTION stir()`,
  )
})
afterAll(() => scene.end())

async function restore(
  names: readonly string[],
  intoSchema: string,
  around: (context: JobContext) => JobContext = context => context,
): Promise<SchemaReport> {
  const made: { report?: SchemaReport } = {}
  const subject = subjectNamed('a')
  const job = { name: 'restore', subject, trigger: 'manual' } as const
  const { failure } = await scene.here.app.runner.run(job, async context => {
    const tables = names.map(name => ({ schema: 'public', name }))
    const request = { subject, backup: 'latest', tables, intoSchema, withRoles: false }
    made.report = await restoreIntoSchema(scene.here.parts(), request, around(context))
    return { outcome: 'succeeded' }
  })
  if (failure) throw failure
  return made.report as SchemaReport
}
const fails = (...asked: Parameters<typeof restore>): Promise<Failure> =>
  restore(...asked).then(() => Promise.reject(new Error('it was expected to fail')), asFailure)
const schemas = async (): Promise<string[]> => {
  const rows = await scene.cluster.sql<{ name: string }>(
    LIVE,
    `SELECT nspname::text AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1`,
  )
  return rows.map(({ name }) => name)
}
/** What a trigger or an event trigger did. */
const fired = () => scene.cluster.sql(LIVE, 'SELECT * FROM fired')
const asBefore = { databases: ['gmah_master', LIVE], schemas: ['kinds', 'public'] }
const found = async () => ({ databases: await databasesOf(scene.cluster), schemas: await schemas() })

test('odd names, constraints, generated columns, types of other schemas: all of it, and nothing else stirs', async () => {
  const before = await contentHash(scene.cluster, LIVE)
  const report = await restore([ODD, 'child'], 'Before "it"')
  expect(report).toMatchObject({ database: LIVE, schema: 'Before "it"', partial: true })
  expect(report.proof).toMatchObject({
    tables: 2,
    rows: 100,
    reordered: 0,
    differences: [],
    schemaCompared: true,
  })
  expect(await fired()).toEqual([])
  const [facts] = await scene.cluster.sql(
    LIVE,
    `SELECT (SELECT count(*)::int FROM "Before ""it""".child) AS children,
            (SELECT sum(doubled)::int FROM "Before ""it"""."Od""d. Täble") AS doubled,
            (SELECT array_agg(contype::text ORDER BY contype) FROM pg_constraint WHERE connamespace = '"Before ""it"""'::regnamespace AND conparentid = 0) AS constraints,
            (SELECT array_agg(DISTINCT typname::text ORDER BY typname::text) FROM pg_type WHERE typnamespace = '"Before ""it"""'::regnamespace AND typtype IN ('e', 'd', 'r')) AS types,
            (SELECT count(*)::int FROM pg_trigger WHERE tgname = 'each') AS triggers,
            nextval('"Before ""it"""."Od""d. Täble_id_seq"')::int AS next,
            has_schema_privilege('clerk', 'Before "it"', 'USAGE') AS open`,
  )
  expect(facts).toEqual({
    children: 50,
    doubled: 41 * 6 + 9 * 4,
    constraints: ['c', 'c', 'f', 'p', 'u', 'x'],
    types: ['mood', 'span', 'word'],
    triggers: 2,
    next: 51,
    open: false,
  })
  // Nothing in it hangs on what is outside but the extension.
  const outside = await scene.cluster.sql<{ what: string }>(
    LIVE,
    `SELECT DISTINCT pg_describe_object(d.refclassid, d.refobjid, 0) AS what FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
     JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
     WHERE c.relnamespace = '"Before ""it"""'::regnamespace AND t.typnamespace NOT IN ('"Before ""it"""'::regnamespace, 'pg_catalog'::regnamespace)`,
  )
  expect(outside.map(({ what }) => what)).toEqual(['type citext'])
  await scene.cluster.sql(LIVE, `DROP SCHEMA "Before ""it""" CASCADE; TRUNCATE fired`)
  expect(await contentHash(scene.cluster, LIVE)).toEqual(before)
  expect(await found()).toEqual(asBefore)
})

test('refused before anything is done: a schema of that name, a name that cannot be one, no such table', async () => {
  const before = await contentHash(scene.cluster, LIVE)
  let loaded = false
  const taken = await fails(['items'], 'kinds', context => ({
    ...context,
    watch: {
      progress: () => {
        loaded = true
      },
    },
  }))
  expect([taken.code, loaded]).toEqual(['target-exists', false])
  expect(await fails(['items'], 'pg_mine')).toMatchObject({ code: 'target-invalid' })
  expect(await fails(['items'], 'x'.repeat(64))).toMatchObject({ code: 'target-invalid' })
  expect(await fails(['nothing'], 'side')).toMatchObject({ code: 'usage' })
  expect(await contentHash(scene.cluster, LIVE)).toEqual(before)
  expect(await found()).toEqual(asBefore)
})

test('what would act on new tables and cannot be kept from it is a reason to refuse', async () => {
  await scene.cluster.sql(LIVE, 'CREATE PUBLICATION everything FOR ALL TABLES')
  expect(await fails(['items'], 'side')).toMatchObject({
    code: 'target-invalid',
    message: expect.stringContaining('everything'),
  })
  await scene.cluster.sql(LIVE, 'DROP PUBLICATION everything; ALTER EVENT TRIGGER stirring ENABLE ALWAYS')
  expect(await fails(['items'], 'side')).toMatchObject({ message: expect.stringContaining('stirring') })
  await scene.cluster.sql(LIVE, 'ALTER EVENT TRIGGER stirring ENABLE; TRUNCATE fired')
})

function atOnce(database: string, command: string): void {
  const { host, port, user } = scene.cluster.target
  const there = ['-h', host, '-p', String(port), '-U', user ?? '', '-d', database]
  execFileSync('psql', ['-qX', ...there, '-c', command])
}

test('an extension that the live database has elsewhere by now is a reason to refuse', async () => {
  await scene.cluster.sql(LIVE, 'ALTER EXTENSION citext SET SCHEMA kinds')
  expect(await fails([ODD], 'side')).toMatchObject({
    code: 'extension-missing',
    message: `${LIVE} lacks the extensions citext (schema public)`,
  })
  await scene.cluster.sql(LIVE, 'ALTER EXTENSION citext SET SCHEMA public; TRUNCATE fired')
  expect(await found()).toEqual(asBefore)
})

test('interrupted, or the name taken meanwhile: nothing is left', async () => {
  const stop = new AbortController()
  const interrupted = await fails(['items'], 'side', context => ({
    ...context,
    signal: AbortSignal.any([context.signal, stop.signal]),
    watch: { progress: (_, { phase, of }) => phase === 'prove' && of === null && stop.abort() },
  }))
  expect(interrupted.code).toBe('interrupted')
  expect(await found()).toEqual(asBefore)
  // Made before the proof goes on: a session of our own might come too late.
  let made = false
  const taken = await fails(['notes'], 'side', context => ({
    ...context,
    watch: {
      progress: (_, { phase, of }) => {
        if (phase !== 'prove' || of === null || made) return
        atOnce(LIVE, 'CREATE SCHEMA side')
        made = true
      },
    },
  }))
  expect(taken.code).toBe('target-exists')
  expect(await found()).toEqual({ ...asBefore, schemas: ['kinds', 'public', 'side'] })
  await scene.cluster.sql(LIVE, 'DROP SCHEMA side; TRUNCATE fired')
})

test('what is not what the backup says once it is copied gets no name', async () => {
  // In the database apart there is no such schema yet when it was loaded.
  const change = `DO $$ DECLARE found text; BEGIN
    FOR found IN SELECT nspname FROM pg_namespace WHERE nspname LIKE 'restoring%' LOOP
      EXECUTE format('UPDATE %I.items SET word = word || word WHERE id = 1', found);
    END LOOP;
  END $$`
  scene.tools.twist('pg_restore', { after: change })
  const refused = await fails(['items'], 'side')
  scene.tools.straighten()
  expect(refused).toMatchObject({ code: 'proof-failed', message: expect.stringContaining('items') })
  expect(await found()).toEqual(asBefore)
  await scene.cluster.sql(LIVE, 'TRUNCATE fired')
})

test('interrupted while nobody gets into the live database: what tells of the schema stays, and the next start drops both', async () => {
  const stop = new AbortController()
  const interrupted = await fails(['notes'], 'side', context => ({
    ...context,
    signal: AbortSignal.any([context.signal, stop.signal]),
    watch: {
      progress: (_, { phase, of }) => {
        if (phase !== 'prove' || of !== null || stop.signal.aborted) return
        atOnce('postgres', `ALTER DATABASE ${LIVE} ALLOW_CONNECTIONS false`)
        stop.abort()
      },
    },
  }))
  expect(interrupted.code).toBe('interrupted')
  await scene.cluster.sql('postgres', `ALTER DATABASE ${LIVE} ALLOW_CONNECTIONS true`)
  const { app } = scene.here
  const left = `restoring_${app.journal.runs({ limit: 1 })[0]?.id}`
  expect(await found()).toEqual({
    databases: [...asBefore.databases, left],
    schemas: [...asBefore.schemas, left],
  })
  await closeLastLife(app.parts(), app.journal, silentLogger())
  expect(await found()).toEqual(asBefore)
})

/** Dies with all of it in the live database, unproven. */
async function killed(): Promise<void> {
  const child = spawn(process.execPath, [CHILD, scene.here.configFile, 'while', 'proving', 'tables', 'a'], {
    stdio: 'inherit',
  })
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
  const [run] = scene.here.app.journal.runs({ limit: 1 })
  expect(await schemas()).toContain(`restoring_${run?.id}`)
}

test.each([
  ["a daemon's next start", closeLastLife],
  ['the next command', closeDeadRuns],
])('killed with all of it in the live database, unproven: %s drops it', async (_, clear) => {
  await killed()
  const { app } = scene.here
  await clear(app.parts(), app.journal, silentLogger())
  expect(await found()).toEqual(asBefore)
  expect(await fired()).toEqual([])
})

test('planned on the command line for these tables alone, then done, and how to drop it', async () => {
  const { here } = scene
  const asked = ['restore', 'a', '--tables', 'notes', '--into-schema', 'Before']
  const { stdout } = await here.cli(...asked, '--plan', '--json')
  const plan = JSON.parse(stdout)
  expect(plan).toMatchObject({
    inPlace: false,
    database: LIVE,
    intoSchema: 'Before',
    problems: [],
    younger: { tables: [] },
  })
  expect(plan.part).toMatchObject({ tables: [{ schema: 'public', name: 'notes', rows: 20 }], rows: 20 })
  expect(plan.part.fetchedBytes).toBeLessThan(plan.backup.storedBytes / 2)
  const text = await here.cli(...asked, '--plan')
  expect(text.stdout).toMatch(/fetches +about .* of /)
  const done = await here.cli(...asked)
  expect([done.exitCode, done.stdout]).toEqual([0, expect.stringMatching(/^proven: 1 table, 20 rows/m)])
  expect(done.stdout).toContain(`DROP SCHEMA "Before" CASCADE`)
  expect(
    await scene.cluster.sql(
      LIVE,
      `SELECT count(*)::int AS n, obj_description('"Before"'::regnamespace, 'pg_namespace') AS note FROM "Before".notes`,
    ),
  ).toEqual([{ n: 20, note: null }])
  expect((await here.cli('restore', 'a', '--into-schema', 'x')).exitCode).toBe(2)
  expect((await here.cli(...asked, '--as', 'x')).exitCode).toBe(2)
  expect((await here.cli(...asked)).stderr).toContain('target-exists')
})

test('killed, and then put aside by a restore in place: it is dropped where it is', async () => {
  const { cluster, here } = scene
  await killed()
  const { kept } = await putBack(here, 'a', { withoutSafetyCopy: 'a test' })
  const put = `${kept} (closed)`
  expect(await databasesOf(cluster)).toContain(put)
  await closeLastLife(here.parts(), here.app.journal, silentLogger())
  expect((await databasesOf(cluster)).filter(name => !/^gmah_/.test(name))).toEqual([])
  expect(await databasesOf(cluster)).toContain(put)
  await cluster.sql('postgres', `ALTER DATABASE "${kept}" ALLOW_CONNECTIONS true`)
  const left = await cluster.sql(kept ?? '', "SELECT nspname FROM pg_namespace WHERE nspname ~ '^restoring_'")
  expect(left).toEqual([])
})
