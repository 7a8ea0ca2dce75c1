// From the file's words to the Config that the program runs on: units into names, relative paths against the file's folder.
import { dirname, join, resolve } from 'node:path'
import { type Assertion, toAssertion } from './assertion.js'
import type {
  ArchivesConfig,
  Config,
  DrillsConfig,
  FilesConfig,
  PgbouncerConfig,
  PostgresConfig,
  StoreConfig,
} from './configuration.js'
import type { RawConfiguration } from './configuration-schema.js'
import { type AlertSecretTexts, resolveAlerts } from './resolve-alerts.js'
import type { Schedule } from './schedule.js'

interface StoreSecrets {
  accessKeyId: string | null
  secretAccessKey: string | null
}

export interface Resolved {
  /** Absolute path of the configuration file. */
  file: string
  secrets: StoreSecrets & {
    password: string | null
    poolerPassword: string | null
    scratchPassword: string | null
    hetznerToken: string | null
    files: StoreSecrets
    alerts: AlertSecretTexts
  }
  /** Those that stand in files of their own. */
  assertions: readonly Assertion[]
  schedules: readonly Schedule[]
}

const MIB = 1024 * 1024

/** Total for a checked configuration: what the rules demand is not asked again. */
export function resolveConfiguration(raw: RawConfiguration, resolved: Resolved): Config {
  const absolute = (path: string): string => resolve(dirname(resolved.file), path)
  const optional = (path: string | undefined): string | null => (path === undefined ? null : absolute(path))
  const { postgres, dump, daemon } = raw
  const { hetznerToken } = resolved.secrets
  const store = resolveStore(raw.store, absolute, resolved.secrets)
  return {
    file: resolved.file,
    stateDirectory: absolute(raw.state_directory),
    store,
    postgres: resolvePostgres(postgres, resolved, optional),
    keys: {
      operationalIdentityFile: absolute(raw.keys.operational_identity_file),
      recoveryRecipients: raw.keys.recovery_recipients,
    },
    dump: {
      concurrency: dump.concurrency,
      retryPauseMs: dump.retry_pause,
      serverWaitMs: dump.server_wait,
      connections: dump.connections,
      nice: dump.nice,
      ionice: dump.ionice,
      compressionLevel: dump.compression_level,
      cutter: { minBytes: dump.cutter.min, averageBytes: dump.cutter.average, maxBytes: dump.cutter.max },
    },
    restore: { keepReplacedMs: raw.restore.keep_replaced },
    files: resolveFiles(raw, resolved, absolute, store),
    archives: resolveArchives(raw.archives),
    drills: resolveDrills(raw, resolved, absolute),
    hetzner: resolveHetzner(raw, hetznerToken),
    daemon: {
      host: daemon.http.host,
      port: daemon.http.port,
      behindProxy: daemon.http.behind_proxy,
      tls: daemon.http.tls
        ? {
            certificateFile: absolute(daemon.http.tls.certificate_file),
            keyFile: absolute(daemon.http.tls.key_file),
          }
        : null,
      drainMs: daemon.drain,
      logLevel: daemon.log_level,
    },
    alerts: resolveAlerts(raw.alerts, resolved.secrets.alerts, absolute),
    api: {
      approval: raw.api.approval,
      planMs: raw.api.plan_valid_for,
      requestsPerMinute: raw.api.requests_per_minute,
    },
    schedulesDirectory: absolute(raw.schedules_directory),
    // Without a token there is nothing to run: `status` says that this layer is off.
    schedules: resolved.schedules.filter(one => one.job !== 'snapshot-servers' || hetznerToken !== null),
    playbooksDirectory: optional(raw.playbooks_directory),
  }
}

function resolveHetzner({ hetzner }: RawConfiguration, token: string | null): Config['hetzner'] {
  return token === null ? null : { endpoint: hetzner.endpoint.replace(/\/$/, ''), token }
}

function resolvePostgres(
  postgres: RawConfiguration['postgres'],
  { secrets }: Resolved,
  optional: (path: string | undefined) => string | null,
): PostgresConfig {
  return {
    host: postgres.host,
    port: postgres.port,
    user: postgres.user,
    password: secrets.password,
    sslMode: postgres.ssl_mode,
    sslRootCertificateFile: optional(postgres.ssl_root_certificate_file),
    master: postgres.master,
    tenants: { pattern: new RegExp(postgres.tenants.pattern, 'u'), query: postgres.tenants.query ?? null },
    toolsDirectory: optional(postgres.tools_directory),
    lockWaitTimeoutMs: postgres.lock_wait_timeout,
    pgbouncer: resolvePooler(postgres.pgbouncer, secrets),
  }
}

function resolvePooler(
  pooler: RawConfiguration['postgres']['pgbouncer'],
  { poolerPassword }: Resolved['secrets'],
): PgbouncerConfig | null {
  if (!pooler) return null
  const { host, port, user, pause_wait: pauseWaitMs } = pooler
  return { host, port, user, password: poolerPassword, pauseWaitMs }
}

function resolveDrills(
  { drills, state_directory }: RawConfiguration,
  { secrets, assertions }: Resolved,
  absolute: (path: string) => string,
): DrillsConfig {
  const server = drills.scratch_server
  const certificate = server?.ssl_root_certificate_file
  return {
    scratchDirectory: absolute(drills.scratch_directory ?? join(state_directory, 'scratch')),
    scratchServer: server
      ? {
          host: server.host,
          port: server.port,
          user: server.user,
          password: secrets.scratchPassword,
          sslMode: server.ssl_mode,
          sslRootCertificateFile: certificate === undefined ? null : absolute(certificate),
        }
      : null,
    assertionsDirectory: absolute(drills.assertions_directory),
    assertions: [...drills.assertions.map(toAssertion), ...assertions],
    assertionTimeoutMs: drills.assertion_timeout,
  }
}

function resolveFiles(
  { files }: RawConfiguration,
  { secrets }: Resolved,
  absolute: (path: string) => string,
  backups: StoreConfig,
): FilesConfig {
  // The application's folders are at the top of the bucket, whatever stands in front of the backups.
  const store = files.store ? resolveStore(files.store, absolute, secrets.files) : { ...backups, prefix: '' }
  return { store, folders: files.folders }
}

const resolveArchives = (archives: RawConfiguration['archives']): ArchivesConfig => ({
  recipients: archives.recipients,
  compressionLevel: archives.compression_level,
  keepYears: archives.keep_years,
  legalHold: archives.legal_hold,
})

function resolveStore(
  store: RawConfiguration['store'],
  absolute: (path: string) => string,
  secrets: StoreSecrets,
): StoreConfig {
  const mib = store.bandwidth_mib_per_second
  const shared = {
    prefix: store.prefix === '' || store.prefix.endsWith('/') ? store.prefix : `${store.prefix}/`,
    bandwidthBytesPerSecond: mib === undefined ? null : mib * MIB,
  }
  if (store.type === 'directory') return { type: 'directory', path: absolute(store.path), ...shared }
  return {
    type: 's3',
    endpoint: store.endpoint,
    region: store.region,
    bucket: store.bucket,
    accessKeyId: secrets.accessKeyId ?? '',
    secretAccessKey: secrets.secretAccessKey ?? '',
    ...shared,
  }
}
