// The one reader of the environment and of configuration files: it returns a whole, checked Config or every problem at once.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { alertSecrets } from './domain/alerts-schema.js'
import { type Assertion, parseAssertionFile } from './domain/assertion.js'
import type { Config } from './domain/configuration.js'
import { checkConfiguration, type Finding } from './domain/configuration-rules.js'
import {
  configurationHint,
  configurationSchema,
  type RawConfiguration,
} from './domain/configuration-schema.js'
import { asFailure, Failure } from './domain/errors.js'
import { dotted, type Problem, problemsOf, refusal } from './domain/problem.js'
import { type Resolved, resolveConfiguration } from './domain/resolve-configuration.js'
import type { Schedule } from './domain/schedule.js'
import { parseSchedule } from './jobs/schedules.js'
import { checkRecipient } from './seal/recipient.js'
import { type Clock, systemClock } from './sys/clock.js'
import { listFiles } from './sys/list-files.js'
import { checkPrivate, readSecretFile } from './sys/secret-file.js'
import { parseYaml, type YamlFile } from './sys/yaml.js'

export interface LoadOptions {
  /** What --config names. */
  path?: string
  env?: Readonly<Record<string, string | undefined>>
  clock?: Clock
}

export interface LoadedConfig {
  config: Config
  /** Every file that was read, secrets' files included; absolute. */
  sources: string[]
  /** Lawful, but worth a second thought. */
  warnings: Problem[]
}

interface Reading {
  file: string
  env: Readonly<Record<string, string | undefined>>
  now: Date
  yaml: YamlFile
  problems: Problem[]
  warnings: Problem[]
  sources: string[]
}

/**
 * Reads the configuration, its secrets and the schedules, and changes nothing.
 * @throws Failure config-missing when there is no file; config-invalid with every problem in `facts.problems` (Problem[]).
 */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const env = options.env ?? process.env
  const file = findFile(options.path, env)
  const now = (options.clock ?? systemClock).now()
  const yaml = parseYaml(readText(file), file, env)
  const reading: Reading = {
    file,
    env,
    now,
    yaml,
    problems: [...yaml.problems],
    warnings: [],
    sources: [file],
  }
  const unreadable = yaml.data === null && yaml.problems.length > 0
  const raw = unreadable ? null : parse(reading)
  const sections = unreadable ? {} : readableSections(yaml.data)
  const findings = checkConfiguration(sections)
  reading.problems.push(...findings.problems.map(one => placed(one, yaml)))
  reading.warnings.push(...findings.warnings.map(one => placed(one, yaml)))
  checkKeys(reading, sections)
  checkTls(reading, sections)
  const secrets = readSecrets(reading, sections)
  const schedules = readSchedules(reading, sections.schedules_directory ?? 'schedules')
  const assertions = readAssertions(reading, sections.drills?.assertions_directory ?? 'assertions')
  if (!raw || reading.problems.length > 0) throw refusal(reading.file, reading.problems)
  const config = resolveConfiguration(raw, { file, secrets, schedules, assertions })
  return { config, sources: reading.sources, warnings: reading.warnings }
}

/** Where the configuration is looked for when --config does not say: the first that is there. */
const SEARCHED = ['gmah-backup.yaml', '/etc/gmah-backup/gmah-backup.yaml'] as const

function findFile(asked: string | undefined, env: Reading['env']): string {
  const named = asked ?? (env.GMAH_BACKUP_CONFIG || undefined)
  const places = named === undefined ? SEARCHED : [named]
  const found = places
    .map(place => resolve(place))
    .find(place => statSync(place, { throwIfNoEntry: false })?.isFile())
  if (found) return found
  throw new Failure('config-missing', `there is no configuration file at ${places.join(' or ')}`, {
    facts: { searched: places },
  })
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Failure('config-missing', `cannot read ${file}`, { cause, hint: 'check its owner and mode' })
  }
}

function parse({ yaml, problems }: Reading): RawConfiguration | null {
  const parsed = configurationSchema.safeParse(yaml.data ?? {}, { reportInput: true })
  if (parsed.success) return parsed.data
  const { at, problems: earlier } = yaml
  problems.push(
    ...problemsOf(parsed.error, { schema: configurationSchema, at, hint: configurationHint, earlier }),
  )
  return null
}

/** The sections that have the right shape each by itself, so that a slip in one does not hide those in the others. */
function readableSections(data: unknown): Partial<RawConfiguration> {
  const given = (data ?? {}) as Record<string, unknown>
  const parsed = Object.entries(configurationSchema.shape).map(([key, schema]) => {
    const result = schema.safeParse(given[key])
    return [key, result.success ? result.data : undefined]
  })
  return Object.fromEntries(parsed.filter(([, value]) => value !== undefined))
}

function checkKeys(reading: Reading, { keys, archives }: Partial<RawConfiguration>): void {
  checkRecipients(reading, ['archives', 'recipients'], archives?.recipients ?? [])
  if (!keys) return
  checkRecipients(reading, ['keys', 'recovery_recipients'], keys.recovery_recipients)
  const identity = beside(reading, keys.operational_identity_file)
  const stats = statSync(identity, { throwIfNoEntry: false })
  if (stats) attempt(reading, ['keys', 'operational_identity_file'], () => checkPrivate(identity, stats))
}

function checkRecipients(reading: Reading, at: string[], recipients: readonly string[]): void {
  for (const [index, one] of recipients.entries()) {
    attempt(reading, [...at, index], () => checkRecipient(one))
  }
}

function checkTls(reading: Reading, { daemon }: Partial<RawConfiguration>): void {
  const tls = daemon?.http.tls
  if (!tls) return
  const at = ['daemon', 'http', 'tls']
  attempt(reading, [...at, 'certificate_file'], () => readText(beside(reading, tls.certificate_file)))
  attempt(reading, [...at, 'key_file'], () => readSecretFile(beside(reading, tls.key_file)))
}

function readSecrets(
  reading: Reading,
  { store, files, postgres, drills, hetzner, alerts }: Partial<RawConfiguration>,
): Resolved['secrets'] {
  const scratch = drills?.scratch_server
  return {
    ...storeSecrets(reading, store, ['store']),
    files: storeSecrets(reading, files?.store, ['files', 'store']),
    password: secret(reading, ['postgres', 'password'], postgres),
    poolerPassword: secret(reading, ['postgres', 'pgbouncer', 'password'], postgres?.pgbouncer),
    scratchPassword: secret(reading, ['drills', 'scratch_server', 'password'], scratch),
    hetznerToken: secret(reading, ['hetzner', 'token'], hetzner),
    alerts: Object.fromEntries(
      alertSecrets(alerts).map(({ path, section }) => [dotted(path), secret(reading, path, section)]),
    ),
  }
}

function storeSecrets(reading: Reading, store: RawConfiguration['store'] | undefined, at: string[]) {
  const s3 = store?.type === 's3' ? store : undefined
  const of = (name: 'access_key_id' | 'secret_access_key') => secret(reading, [...at, name], s3)
  return { accessKeyId: of('access_key_id'), secretAccessKey: of('secret_access_key') }
}

/** The secret at the end of the path, given in its section as itself or as the file that holds it. */
function secret(reading: Reading, path: string[], section: object | undefined): string | null {
  const key = path.at(-1) ?? ''
  const given = (section ?? {}) as Record<string, string | undefined>
  const [value, file] = [given[key], given[`${key}_file`]]
  if (value !== undefined) {
    const literal = !reading.yaml.interpolated.has(dotted(path))
    if (literal) attempt(reading, path, () => checkPrivate(reading.file, statSync(reading.file)))
    return value
  }
  if (file === undefined) return null
  const place = beside(reading, file)
  reading.sources.push(place)
  return attempt(reading, [...path.slice(0, -1), `${key}_file`], () => readSecretFile(place))
}

function readSchedules(reading: Reading, directory: string): Schedule[] {
  const folder = beside(reading, directory)
  const files = attempt(reading, ['schedules_directory'], () => listFiles(folder, '.yaml')) ?? []
  return files.flatMap(name => {
    const file = join(folder, name)
    reading.sources.push(file)
    const text = attempt(reading, ['schedules_directory'], () => readText(file))
    if (text === null) return []
    const read = parseSchedule({
      name: basename(name, '.yaml'),
      file,
      text,
      variables: reading.env,
      now: reading.now,
    })
    reading.problems.push(...read.problems)
    reading.warnings.push(...read.warnings)
    return read.schedule ? [read.schedule] : []
  })
}

function readAssertions(reading: Reading, directory: string): Assertion[] {
  const folder = beside(reading, directory)
  const names = existsSync(folder) ? listFiles(folder, '.sql') : []
  return names.flatMap(name => {
    const file = join(folder, name)
    reading.sources.push(file)
    const read = () => parseAssertionFile(basename(name, '.sql'), readText(file))
    return attempt(reading, ['drills', 'assertions_directory'], read, name) ?? []
  })
}

const beside = (reading: Reading, path: string): string => resolve(dirname(reading.file), path)

function attempt<T>(reading: Reading, path: PropertyKey[], action: () => T, about = ''): T | null {
  try {
    return action()
  } catch (thrown) {
    const { code, message, hint } = asFailure(thrown)
    const said = `${about} ${message}`.trim()
    reading.problems.push({ path: dotted(path), message: said, hint, at: reading.yaml.at(path), code })
    return null
  }
}

const placed = ({ path, message, hint }: Finding, yaml: YamlFile): Problem => ({
  path: path.join('.'),
  message,
  hint,
  at: yaml.at(path),
  code: 'config-invalid',
})
