// The configuration file's shape: every key, its default (GMAH's own), its limits. What takes a file's path is resolved later.
import { z } from 'zod'
import { alertsSchema } from './alerts-schema.js'
import { assertionSchema } from './assertion.js'
import { APPROVALS, IONICE_CLASSES, LOG_LEVELS, SSL_MODES } from './configuration.js'
import { LARGEST_CHUNK_BYTES } from './manifest.js'
import { duration, size, whole } from './quantity-schema.js'

const text = z.string().min(1)
const KIB = 1024

const anyStore = {
  prefix: z
    .string()
    .refine(plainPrefix, 'must be plain folders like backups/, without a leading slash or dots')
    .default(''),
  bandwidth_mib_per_second: whole(1, 100_000).optional(),
}

const directoryStore = z.strictObject({ type: z.literal('directory'), path: text, ...anyStore })

const s3Store = z.strictObject({
  type: z.literal('s3'),
  endpoint: text,
  region: text.default('auto'),
  bucket: text,
  access_key_id: text.optional(),
  access_key_id_file: text.optional(),
  secret_access_key: text.optional(),
  secret_access_key_file: text.optional(),
  ...anyStore,
})

const pgbouncer = z.strictObject({
  host: text,
  port: whole(1, 65_535).default(6432),
  user: text,
  password: text.optional(),
  password_file: text.optional(),
  pause_wait: duration({ minMs: 0, maxMs: 60_000 }).prefault('5s'),
})

const postgres = z.strictObject({
  host: text.default('/var/run/postgresql'),
  port: whole(1, 65_535).default(5432),
  user: text.default('gmah_backup'),
  password: text.optional(),
  password_file: text.optional(),
  ssl_mode: z.enum(SSL_MODES).default('prefer'),
  ssl_root_certificate_file: text.optional(),
  master: text.default('gmah_master'),
  tenants: z
    .strictObject({ pattern: text.default('^gmah_org_(?<tenant>.+)$'), query: text.optional() })
    .prefault({}),
  tools_directory: text.optional(),
  lock_wait_timeout: duration({ minMs: 1_000, maxMs: 3_600_000 }).prefault('30s'),
  pgbouncer: pgbouncer.optional(),
})

const keys = z.strictObject({
  operational_identity_file: text.default('operational-identity.txt'),
  recovery_recipients: z.array(text).min(1),
})

const dump = z.strictObject({
  concurrency: whole(1, 32).default(2),
  retry_pause: duration({ minMs: 0, maxMs: 3_600_000 }).prefault('30s'),
  server_wait: duration({ minMs: 0, maxMs: 12 * 3_600_000 }).prefault('15m'),
  connections: whole(2, 200).default(6),
  nice: whole(0, 19).default(10),
  ionice: z.enum(IONICE_CLASSES).default('best-effort'),
  compression_level: whole(1, 19).default(3),
  cutter: z
    .strictObject({
      min: size({ minBytes: 4 * KIB, maxBytes: LARGEST_CHUNK_BYTES }).prefault('256KiB'),
      average: size({ minBytes: 16 * KIB, maxBytes: LARGEST_CHUNK_BYTES }).prefault('1MiB'),
      max: size({ minBytes: 64 * KIB, maxBytes: LARGEST_CHUNK_BYTES }).prefault('4MiB'),
    })
    .prefault({}),
})

const restore = z.strictObject({
  keep_replaced: duration({ minMs: 3_600_000, maxMs: 400 * 86_400_000 }).prefault('7d'),
})

const files = z.strictObject({
  store: z.discriminatedUnion('type', [directoryStore, s3Store]).optional(),
  folders: z
    .array(z.string().regex(/^(?!SHA256SUMS$)[A-Za-z0-9_-]+$/, 'must be the name of a folder, without dots'))
    .default(['documents', 'uploads', 'exports']),
})

const archives = z.strictObject({
  recipients: z.array(text).default([]),
  compression_level: whole(9, 19).default(9),
  keep_years: whole(1, 100).default(10),
  legal_hold: z.array(text).default([]),
})

const daemon = z.strictObject({
  http: z
    .strictObject({
      host: text.default('127.0.0.1'),
      port: whole(0, 65_535).default(9178),
      behind_proxy: z.boolean().default(false),
      tls: z.strictObject({ certificate_file: text, key_file: text }).optional(),
    })
    .prefault({}),
  drain: duration({ minMs: 1_000, maxMs: 600_000 }).prefault('25s'),
  log_level: z.enum(LOG_LEVELS).default('info'),
})

const api = z.strictObject({
  approval: z.enum(APPROVALS).default('none'),
  plan_valid_for: duration({ minMs: 60_000, maxMs: 86_400_000 }).prefault('30m'),
  requests_per_minute: whole(10, 100_000).default(600),
})

const drills = z.strictObject({
  scratch_directory: text.optional(),
  scratch_server: z
    .strictObject({
      host: text,
      port: whole(1, 65_535).default(5432),
      user: text,
      password: text.optional(),
      password_file: text.optional(),
      ssl_mode: z.enum(SSL_MODES).default('prefer'),
      ssl_root_certificate_file: text.optional(),
    })
    .optional(),
  assertions_directory: text.default('assertions'),
  assertions: z.array(assertionSchema).default([]),
  assertion_timeout: duration({ minMs: 1_000, maxMs: 3_600_000 }).prefault('60s'),
})

const hetzner = z.strictObject({
  token: text.optional(),
  token_file: text.optional(),
  endpoint: text.default('https://api.hetzner.cloud/v1'),
})

export const configurationSchema = z.strictObject({
  state_directory: text.default('/var/lib/gmah-backup'),
  store: z.discriminatedUnion('type', [directoryStore, s3Store]),
  postgres: postgres.prefault({}),
  keys,
  dump: dump.prefault({}),
  restore: restore.prefault({}),
  files: files.prefault({}),
  archives: archives.prefault({}),
  drills: drills.prefault({}),
  hetzner: hetzner.prefault({}),
  daemon: daemon.prefault({}),
  alerts: alertsSchema.prefault({}),
  api: api.prefault({}),
  schedules_directory: text.default('schedules'),
  playbooks_directory: text.optional(),
})

export type RawConfiguration = z.output<typeof configurationSchema>

const HINTS: Record<string, string> = {
  store: 'write `store:` with `type: s3` or `type: directory` below it',
  'store.type': 'write `type: s3` or `type: directory`',
  keys: 'write `keys:` with `recovery_recipients:` below it',
  'keys.recovery_recipients':
    'type `age-keygen -o recovery.txt` on a machine of your own, keep that file offline, list its age1… here',
}

/** What to type instead of a wrong value at this path. */
export const configurationHint = (path: string): string =>
  HINTS[path.replace(/\[\d+\]$/, '')] ?? 'see gmah-backup.example.yaml, where every key is explained'

function plainPrefix(prefix: string): boolean {
  return (
    prefix === '' ||
    prefix
      .replace(/\/$/, '')
      .split('/')
      .every(part => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(part))
  )
}
