// The section `alerts` of the configuration file: its shape, what must hold between its keys, and which secrets it names.
import { isIP } from 'node:net'
import { z } from 'zod'
import { HEARTBEAT_STYLES, LANGUAGES, SEVERITIES, SMTP_TLS } from './alerts.js'
import { duration, size, whole } from './quantity-schema.js'
import { knownZone } from './zone.js'

const text = z.string().min(1)
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const GIB = 1024 ** 3

const name = z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, 'must be a short name like team-mail')
const address = z.string().regex(/^[^\r\n@]+@[^\r\n@]+$/, 'must be a mail address like ops@example.com')
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time like "22:00", in quotes')

const anyChannel = {
  severity: z.enum(SEVERITIES).default('info'),
  tenants: z.array(text).min(1).optional(),
}

const email = z.strictObject({
  type: z.literal('email'),
  ...anyChannel,
  host: text,
  port: whole(1, 65_535).default(587),
  tls: z.enum(SMTP_TLS).default('starttls'),
  ca_file: text.optional(),
  user: text.optional(),
  password_file: text.optional(),
  from: address,
  to: z.array(address).min(1),
})

const slack = z.strictObject({ type: z.literal('slack'), ...anyChannel, webhook_url_file: text })

const heartbeat = z.strictObject({
  url_file: text,
  style: z.enum(HEARTBEAT_STYLES).default('plain'),
  every: duration({ minMs: MINUTE_MS, maxMs: DAY_MS }).prefault('5m'),
})

const reminder = (often: string) => duration({ minMs: 10 * MINUTE_MS, maxMs: 90 * DAY_MS }).prefault(often)

export const alertsSchema = z.strictObject({
  name: text.optional(),
  language: z.enum(LANGUAGES).default('en'),
  run_link: z.url({ protocol: /^https?$/ }).optional(),
  channels: z.record(name, z.discriminatedUnion('type', [email, slack])).default({}),
  quiet_hours: z
    .strictObject({
      from: timeOfDay,
      to: timeOfDay,
      time_zone: z
        .string()
        .refine(knownZone, 'must be a time zone that this machine knows, like Europe/Paris'),
    })
    .optional(),
  reminders: z.strictObject({ warning: reminder('1d'), critical: reminder('4h') }).prefault({}),
  gather: duration({ minMs: 0, maxMs: HOUR_MS }).prefault('10m'),
  disk_free: size({ minBytes: 1024 ** 2, maxBytes: 10_000 * GIB }).prefault('2GiB'),
  expiries: z.array(z.strictObject({ what: text, on: z.iso.date() })).default([]),
  heartbeats: z.record(name, heartbeat).default({}),
  digest: z
    .strictObject({
      price_per_gb_month: z.coerce.number().min(0).max(1000).default(0.015),
      currency: z
        .string()
        .regex(/^[A-Z]{3}$/, 'must be three letters like USD')
        .default('USD'),
    })
    .prefault({}),
})

export type RawAlerts = z.output<typeof alertsSchema>

interface AlertFinding {
  path: readonly string[]
  message: string
  hint: string
}

/** What must hold between the keys. */
export function alertProblems(alerts: RawAlerts): AlertFinding[] {
  return Object.entries(alerts.channels).flatMap(([key, channel]): AlertFinding[] => {
    if (channel.type !== 'email') return []
    const at = (last: string) => ['alerts', 'channels', key, last]
    const problems: AlertFinding[] = []
    if ((channel.user === undefined) !== (channel.password_file === undefined)) {
      const missing = channel.user === undefined ? 'user' : 'password_file'
      problems.push({
        path: at(missing),
        message: 'is missing',
        hint: 'give user and password_file, or neither',
      })
    }
    if (channel.tls === 'none' && !isOnThisMachine(channel.host)) {
      const message = 'none sends messages and the password in the clear over the network'
      problems.push({ path: at('tls'), message, hint: 'write tls: starttls, or tls: tls with port: 465' })
    }
    return problems
  })
}

/** Lawful, but worth a second thought: an installation that cannot speak. */
export function alertWarnings(alerts: RawAlerts): AlertFinding[] {
  if (Object.keys(alerts.channels).length > 0) return []
  const message = 'names nobody: a failure is told in the log alone'
  return [
    {
      path: ['alerts', 'channels'],
      message,
      hint: 'add an e-mail or Slack channel, see gmah-backup.example.yaml',
    },
  ]
}

/** Every secret of the section: its path, and the part of the file that says where it is. */
export function alertSecrets(alerts: RawAlerts | undefined): { path: string[]; section: object }[] {
  const channels = Object.entries(alerts?.channels ?? {}).map(([key, channel]) => ({
    path: ['alerts', 'channels', key, channel.type === 'slack' ? 'webhook_url' : 'password'],
    section: channel,
  }))
  const heartbeats = Object.entries(alerts?.heartbeats ?? {}).map(([key, heartbeat]) => ({
    path: ['alerts', 'heartbeats', key, 'url'],
    section: heartbeat,
  }))
  return [...channels, ...heartbeats]
}

function isOnThisMachine(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'))
}
