// `restore <tenant>`: beside the live database with --as, in its place with --in-place.
import type { Command } from 'commander'
import { Failure } from '../domain/errors.js'
import { shellWord } from '../domain/shell-word.js'
import { GLOBALS, subjectName, subjectNamed } from '../domain/subject.js'
import type { Briefly, Located } from '../jobs/errands-restore.js'
import type { Watcher } from '../jobs/parts.js'
import type { RestoreReport, RestoreRequest } from '../jobs/restore-beside.js'
import { parseNames } from './arguments.js'
import { act, type Desk, type Doors, type GlobalOptions } from './desk.js'
import { instantText, show, type Terminal } from './output.js'
import { watched } from './progress.js'
import type { InPlaceOptions } from './restore-in-place.js'
import { restoreKeptCommands } from './restore-kept.js'
import { passedOverLines, planText, proofLines } from './restore-text.js'

interface RestoreOptions extends GlobalOptions, InPlaceOptions {
  as?: string
  intoSchema?: string
  inPlace?: true
  backup?: string
  at?: string
  plan?: true
  fromArchive?: string | true
  tables?: string[]
  schema: string
}

export function restoreCommand(program: Command, doors: Doors): void {
  const restore = program
    .command('restore')
    .argument('<tenant>', 'a tenant, platform/master, or platform/globals: then the roles that are missing')
    .option('--as <database>', 'beside: name of the new database; it must not exist')
    .option('--in-place', 'in place of the live database, which is put aside')
    .option('--backup <which>', 'latest (the default), a backup id, or an instant')
    .option('--at <instant>', 'the newest backup not after it')
    .option(
      '--into-schema <schema>',
      'with --tables: a new schema of the live database, where nothing else is touched',
    )
    .option('--tables <names>', 'only these tables, separated by commas', parseNames)
    .option('--schema <name>', 'the schema of --tables', 'public')
    .option('--with-roles', 'create missing roles from the newest globals backup')
    .option('--from-archive [name]', 'beside, out of a monthly archive: latest, or a name like 2026-12')
    .option('--plan', 'only say what it would do')
    .option('--yes-restore <tenant>', "in place: the tenant's name, where no terminal can ask for it")
    .option('--without-safety-copy', 'in place: do not back up what is there now (say --why)')
    .option('--why <reason>', 'why there is no safety copy')
    .description('restore a backup and prove it table by table: beside the live database, or in its place')
    .action((tenant: string, _options, command: Command) =>
      act<RestoreOptions>(doors, command, ({ desk, terminal, options }) =>
        restoreAs(desk, terminal, tenant, options),
      ),
    )
  restoreKeptCommands(restore, doors)
}

async function restoreAs(
  desk: Desk,
  terminal: Terminal,
  tenant: string,
  options: RestoreOptions,
): Promise<number | undefined> {
  const subject = subjectNamed(tenant)
  const backup = whichBackup(options)
  const withRoles = options.withRoles === true
  if (subject === GLOBALS && (options.fromArchive || options.intoSchema || options.tables))
    throw new Failure('usage', 'roles come out of a backup of theirs, whole', {
      hint: 'name it with --backup or --at, and leave out --from-archive, --tables and --into-schema',
    })
  if (subject === GLOBALS && options.as === undefined && !options.inPlace)
    return (await import('./restore-globals.js')).restoreRoles(desk, terminal, {
      backup,
      dryRun: options.plan === true,
    })
  checkTarget(options)
  checkFromArchive(options)
  const { intoSchema = null } = options
  const tables = options.tables?.map(name => ({ schema: options.schema, name }))
  const plan = { subject, backup, database: options.as ?? null, withRoles, intoSchema, tables }
  if (options.plan) {
    const { PLAN_RESTORE } = await import('../jobs/question.js')
    const archive = options.fromArchive === undefined ? null : archiveNamed(options.fromArchive)
    show(terminal, await desk.question(PLAN_RESTORE, { ...plan, archive }), planText)
    return undefined
  }
  if (intoSchema !== null && tables) {
    const { putIntoSchema } = await import('./restore-into-schema.js')
    return putIntoSchema(desk, terminal, { subject, backup, withRoles, intoSchema, tables })
  }
  if (options.as === undefined) {
    const { replaceLive } = await import('./restore-in-place.js')
    return replaceLive(desk, terminal, { subject, backup, withRoles }, options)
  }
  const request = { subject, backup, database: options.as, withRoles, ...(tables ? { tables } : {}) }
  const report = await watched(terminal, desk.clock, watch =>
    restoreFrom(desk, request, options.fromArchive, watch),
  )
  show(terminal, reportJson(report), () => reportText(report))
  return undefined
}

function checkTarget({ as, inPlace, intoSchema, tables }: RestoreOptions): void {
  const targets = [as, inPlace, intoSchema].filter(one => one !== undefined)
  if (targets.length !== 1) {
    throw new Failure('usage', 'restore to where?', {
      hint: 'type one of --as <new database> to restore beside, --into-schema <new schema> with --tables, or --in-place to put it in place of the live one',
    })
  }
  if (inPlace && tables) {
    throw new Failure('usage', '--tables restores beside: it takes no --in-place', {
      hint: 'restore them with --as <new database> or --into-schema <new schema>, look at them, and copy what you need',
    })
  }
  if (intoSchema !== undefined && !tables) {
    throw new Failure('usage', '--into-schema goes with --tables', {
      hint: 'say which tables: --tables <names>; a whole backup is restored with --as or --in-place',
    })
  }
}

/** An archive holds one backup, and is restored beside: what is in it may be years old. */
function checkFromArchive({ fromArchive, as, backup, at, tables }: RestoreOptions): void {
  if (fromArchive === undefined || (as !== undefined && !backup && !at && !tables)) return
  throw new Failure('usage', '--from-archive goes with --as alone', {
    hint: 'type --as <new database> --from-archive <name>; `gmah-backup archive list` shows the names',
  })
}

async function restoreFrom(
  desk: Desk,
  request: RestoreRequest,
  fromArchive: RestoreOptions['fromArchive'],
  watch: Watcher,
): Promise<Located<RestoreReport>> {
  const { RESTORE, RESTORE_ARCHIVE } = await import('../jobs/errands-restore.js')
  const { tables, ...whole } = request
  if (fromArchive === undefined)
    return desk.errand(RESTORE, { ...whole, ...(tables ? { tables: [...tables] } : {}) }, watch)
  const { backup: _, ...beside } = whole
  const archive = archiveNamed(fromArchive)
  return desk.errand(RESTORE_ARCHIVE, { ...beside, archive }, watch)
}

const archiveNamed = (given: string | true): string => (given === true ? 'latest' : given)

function whichBackup({ backup, at }: RestoreOptions): string {
  if (at === undefined) return backup ?? 'latest'
  if (backup !== undefined)
    throw new Failure('usage', 'both --backup and --at say which backup', { hint: 'keep one' })
  if (Number.isNaN(Date.parse(at)) && !/^\d{8}T\d{6}(\.\d+)?Z$/.test(at)) {
    throw new Failure('usage', `not an instant: ${at}`, { hint: 'write it like 2026-11-23T02:00:00Z' })
  }
  return at
}

function reportText({
  manifest,
  database,
  createdRoles,
  proof,
  passedOver,
  server,
}: Located<RestoreReport>): string {
  const at = `-h ${shellWord(server.host)} -p ${server.port} -U ${shellWord(server.user)}`
  return [
    `${database} holds ${subjectName(manifest.subject)} as of ${instantText(manifest.instant)} (backup ${manifest.backup})`,
    ...passedOverLines(passedOver),
    ...proofLines(proof),
    ...(createdRoles.length > 0 ? [`created roles: ${createdRoles.join(', ')}`] : []),
    `look at it: psql ${at} -d ${shellWord(database)}`,
    `drop it:    dropdb ${at} -- ${shellWord(database)}`,
  ].join('\n')
}

function reportJson({ manifest, database, createdRoles, passedOver, proof }: Briefly<RestoreReport>) {
  return {
    database,
    subject: manifest.subject,
    backup: manifest.backup,
    instant: manifest.instant,
    createdRoles,
    passedOver,
    proof,
  }
}
