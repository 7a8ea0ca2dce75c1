// The one reader of the environment and of configuration files: it returns a whole, checked Config or every problem at once.
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { checkKeys, checkTls, readAssertions, readSchedules, readSecrets } from './config-files.js'
import { complain, placed, type Reading } from './config-reading.js'
import type { Config } from './domain/configuration.js'
import { checkConfiguration } from './domain/configuration-rules.js'
import {
  configurationHint,
  configurationSchema,
  type RawConfiguration,
} from './domain/configuration-schema.js'
import { Failure } from './domain/errors.js'
import { type Problem, problemsOf, refusal } from './domain/problem.js'
import { resolveConfiguration } from './domain/resolve-configuration.js'
import { salvage } from './domain/salvage.js'
import { type Clock, systemClock } from './sys/clock.js'
import { textsOf, textsOnDisk } from './sys/texts.js'
import { parseYaml } from './sys/yaml.js'

export interface LoadOptions {
  /** What --config names. */
  path?: string
  env?: Readonly<Record<string, string | undefined>>
  clock?: Clock
  /** What the files said when they were last good, instead of what they say now. Secrets are always those of now. */
  texts?: ReadonlyMap<string, string>
}

export interface LoadedConfig {
  config: Config
  /** Every file that was read, secrets' files included; absolute. */
  sources: string[]
  /** What they said, but for the secrets'. */
  texts: ReadonlyMap<string, string>
  /** Lawful, but worth a second thought. */
  warnings: Problem[]
}

/**
 * Reads the configuration, its secrets and the schedules, and changes nothing.
 * @throws Failure config-missing when there is no file; config-invalid with every problem in `facts.problems` (Problem[]).
 */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const env = options.env ?? process.env
  const file = findFile(options.path, env)
  const now = (options.clock ?? systemClock).now()
  const seen = new Map(options.texts)
  const texts = options.texts ? textsOf(seen) : textsOnDisk(seen)
  const yaml = parseYaml(texts.read(file), file, env)
  const reading: Reading = {
    file,
    env,
    now,
    texts,
    yaml,
    problems: [...yaml.problems],
    ofShape: 0,
    warnings: [],
    sources: [file],
  }
  const unreadable = yaml.data === null && yaml.problems.length > 0
  const raw = unreadable ? null : parse(reading)
  const sections = unreadable ? {} : readableSections(yaml.data)
  reading.ofShape = reading.problems.length
  const findings = checkConfiguration(sections)
  for (const one of findings.problems) complain(reading, placed(one, yaml))
  reading.warnings.push(...findings.warnings.map(one => placed(one, yaml)))
  checkKeys(reading, sections)
  checkTls(reading, sections)
  const secrets = readSecrets(reading, sections)
  const schedules = readSchedules(reading, sections.schedules_directory ?? 'schedules')
  const assertions = readAssertions(reading, sections.drills?.assertions_directory ?? 'assertions')
  if (!raw || reading.problems.length > 0) throw refusal(reading.file, reading.problems)
  const config = resolveConfiguration(raw, { file, secrets, schedules, assertions })
  return { config, sources: reading.sources, texts: seen, warnings: reading.warnings }
}

/** Where the configuration is looked for when --config does not say: the first that is there. */
const SEARCHED = ['gmah-backup.yaml', '/etc/gmah-backup/gmah-backup.yaml'] as const

/** The file that is read, absolute. @throws Failure config-missing */
export function findFile(asked: string | undefined, env: Reading['env'] = process.env): string {
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

function parse({ yaml, problems }: Reading): RawConfiguration | null {
  const parsed = configurationSchema.safeParse(yaml.data ?? {}, { reportInput: true })
  if (parsed.success) return parsed.data
  const { at, problems: earlier } = yaml
  problems.push(
    ...problemsOf(parsed.error, { schema: configurationSchema, at, hint: configurationHint, earlier }),
  )
  return null
}

/** What can be read of each section by itself. */
function readableSections(data: unknown): Partial<RawConfiguration> {
  const given = (data ?? {}) as Record<string, unknown>
  const parsed = Object.entries(configurationSchema.shape).map(([key, schema]) => [
    key,
    salvage<unknown>(schema, given[key]),
  ])
  return Object.fromEntries(parsed.filter(([, value]) => value !== undefined))
}
