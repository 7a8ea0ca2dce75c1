// What the whole program runs on, once the files are read, checked and resolved. src/config.ts makes it; nobody changes it.
import type { AlertsConfig } from './alerts.js'
import type { Assertion } from './assertion.js'
import type { Schedule } from './schedule.js'

export const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export const IONICE_CLASSES = ['none', 'best-effort', 'idle'] as const
export const APPROVALS = ['none', 'required'] as const
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

interface AnyStoreConfig {
  /** In front of every key: empty, or ending in `/`. */
  prefix: string
  /** Cap on what is sent and fetched together; null: none. */
  bandwidthBytesPerSecond: number | null
}

export interface DirectoryStoreConfig extends AnyStoreConfig {
  type: 'directory'
  /** Absolute. */
  path: string
}

export interface S3StoreConfig extends AnyStoreConfig {
  type: 's3'
  /** https, or http to a loopback address. */
  endpoint: string
  region: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
}

export type StoreConfig = DirectoryStoreConfig | S3StoreConfig

export interface PostgresConfig {
  /** A host name or address, or the absolute path of a socket directory. */
  host: string
  port: number
  user: string
  /** Null: the server asks for none (peer, trust). */
  password: string | null
  sslMode: (typeof SSL_MODES)[number]
  /** Absolute path of the authority's certificate; null: the system's. */
  sslRootCertificateFile: string | null
  /** The database of the organisations; also where connections that need no tenant go. */
  master: string
  tenants: {
    /** Matches a tenant's database name; its group `tenant` is the tenant's name. */
    pattern: RegExp
    /** SQL on the master that yields `tenant`, `database`, `status`; null: databases alone decide. */
    query: string | null
  }
  /** Where pg_dump and its kin are; null: found by the server's major version. */
  toolsDirectory: string | null
  lockWaitTimeoutMs: number
  /** Null: clients come directly. */
  pgbouncer: PgbouncerConfig | null
}

/** The admin console of a PgBouncer that clients go through. */
export interface PgbouncerConfig {
  /** A host name or address, or the absolute path of a socket directory. */
  host: string
  port: number
  /** One of its admin_users. */
  user: string
  /** Null: it asks for none. */
  password: string | null
  /** Transactions that run get so long to end before a swap ends them. */
  pauseWaitMs: number
}

export interface RestoreConfig {
  /** How long the database that a restore replaced is kept. */
  keepReplacedMs: number
}

export interface KeysConfig {
  /** Absolute; `keys init` makes the file. */
  operationalIdentityFile: string
  /** age recipients (age1…), at least one. */
  recoveryRecipients: readonly string[]
}

export interface CutterConfig {
  minBytes: number
  averageBytes: number
  maxBytes: number
}

export interface DumpConfig {
  /** Databases dumped at once. */
  concurrency: number
  /** Before a dump that failed for a passing reason is tried once more. */
  retryPauseMs: number
  /** How long a scheduled night waits for a server that is away, asking again after each `retryPauseMs`. */
  serverWaitMs: number
  /** Connections to the server held at once, pg_dump's included. */
  connections: number
  nice: number
  ionice: (typeof IONICE_CLASSES)[number]
  compressionLevel: number
  cutter: CutterConfig
}

/** A server on which scratch databases may be made: where this machine has none of PostgreSQL's server programs. */
export type ScratchServerConfig = Pick<
  PostgresConfig,
  'host' | 'port' | 'user' | 'password' | 'sslMode' | 'sslRootCertificateFile'
>

export interface DrillsConfig {
  /** Absolute. Scratch servers live in private folders below it. */
  scratchDirectory: string
  /** Null: a scratch server of our own. */
  scratchServer: ScratchServerConfig | null
  /** Absolute. */
  assertionsDirectory: string
  /** Those of the directory, and those of the file itself. */
  assertions: readonly Assertion[]
  assertionTimeoutMs: number
}

export interface FilesConfig {
  /** Where the application keeps the tenants' files; only ever read. */
  store: StoreConfig
  /** Those of a tenant's folders that are archived. */
  folders: readonly string[]
}

export interface ArchivesConfig {
  /** age recipients of archives alone; empty: those of the backups. */
  recipients: readonly string[]
  compressionLevel: number
  keepYears: number
  /** Tenants whose archives are never deleted. */
  legalHold: readonly string[]
}

export interface DaemonConfig {
  /** A loopback address, unless there is TLS or a proxy in front. */
  host: string
  port: number
  /** A reverse proxy stands in front: it ends TLS, and says from where a request came. */
  behindProxy: boolean
  /** Absolute paths of PEM files; null: plain HTTP. */
  tls: { certificateFile: string; keyFile: string } | null
  /** How long a stop waits for running work before it interrupts it. */
  drainMs: number
  logLevel: (typeof LOG_LEVELS)[number]
}

export interface ApiConfig {
  /** Whether a restore in place waits for a second person. */
  approval: (typeof APPROVALS)[number]
  /** How long a plan of a restore may be started. */
  planMs: number
  /** Of one address. */
  requestsPerMinute: number
}

/** Null in the Config: no token, and server snapshots are off. */
export interface HetznerConfig {
  /** Without a slash at its end; https, or http to a loopback address. */
  endpoint: string
  token: string
}

export interface Config {
  /** The file it was read from; absolute. */
  file: string
  /** Absolute. */
  stateDirectory: string
  store: StoreConfig
  postgres: PostgresConfig
  keys: KeysConfig
  dump: DumpConfig
  restore: RestoreConfig
  drills: DrillsConfig
  hetzner: HetznerConfig | null
  files: FilesConfig
  archives: ArchivesConfig
  daemon: DaemonConfig
  alerts: AlertsConfig
  api: ApiConfig
  /** Absolute. */
  schedulesDirectory: string
  /** Absolute; null: those that came with the program. */
  playbooksDirectory: string | null
  schedules: readonly Schedule[]
}
