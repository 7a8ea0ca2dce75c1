// What a configuration points to: secrets, keys, certificates, schedules and assertions, each checked in its place.
import { statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { attempt, beside, type Reading } from './config-reading.js'
import { alertSecrets } from './domain/alerts-schema.js'
import { type Assertion, parseAssertionFile } from './domain/assertion.js'
import type { RawConfiguration } from './domain/configuration-schema.js'
import { dotted } from './domain/problem.js'
import type { Resolved } from './domain/resolve-configuration.js'
import type { Schedule } from './domain/schedule.js'
import { parseSchedule } from './jobs/schedules.js'
import { checkRecipient } from './seal/recipient.js'
import { checkPrivate, readSecretFile } from './sys/secret-file.js'
import { readText } from './sys/texts.js'

export function checkKeys(reading: Reading, { keys, archives }: Partial<RawConfiguration>): void {
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

export function checkTls(reading: Reading, { daemon }: Partial<RawConfiguration>): void {
  const tls = daemon?.http.tls
  if (!tls) return
  const at = ['daemon', 'http', 'tls']
  attempt(reading, [...at, 'certificate_file'], () => readText(beside(reading, tls.certificate_file)))
  attempt(reading, [...at, 'key_file'], () => readSecretFile(beside(reading, tls.key_file)))
}

export function readSecrets(
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

export function readSchedules(reading: Reading, directory: string): Schedule[] {
  const folder = beside(reading, directory)
  const files = attempt(reading, ['schedules_directory'], () => reading.texts.list(folder, '.yaml')) ?? []
  return files.flatMap(name => {
    const file = join(folder, name)
    reading.sources.push(file)
    const text = attempt(reading, ['schedules_directory'], () => reading.texts.read(file))
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

export function readAssertions(reading: Reading, directory: string): Assertion[] {
  const folder = beside(reading, directory)
  const names = reading.texts.has(folder) ? reading.texts.list(folder, '.sql') : []
  return names.flatMap(name => {
    const file = join(folder, name)
    reading.sources.push(file)
    const read = () => parseAssertionFile(basename(name, '.sql'), reading.texts.read(file))
    return attempt(reading, ['drills', 'assertions_directory'], read, name) ?? []
  })
}
