// The alerts' section from the file's words to what the program runs on.
import type { AlertsConfig, ChannelConfig } from './alerts.js'
import type { RawAlerts } from './alerts-schema.js'

/** Secrets by the dotted path of their own name, as src/config.ts read them. */
export type AlertSecretTexts = Readonly<Record<string, string | null>>

/** Total for a checked section. */
export function resolveAlerts(
  raw: RawAlerts,
  secrets: AlertSecretTexts,
  absolute: (path: string) => string,
): AlertsConfig {
  const { quiet_hours: quiet, digest } = raw
  return {
    name: raw.name ?? null,
    language: raw.language,
    runLink: raw.run_link ?? null,
    channels: Object.entries(raw.channels).map(([name, channel]) =>
      resolveChannel(name, channel, secrets, absolute),
    ),
    quietHours: quiet
      ? { from: minutes(quiet.from), to: minutes(quiet.to), timeZone: quiet.time_zone }
      : null,
    reminderMs: raw.reminders,
    gatherMs: raw.gather,
    diskFreeBytes: raw.disk_free,
    expiries: raw.expiries.map(({ what, on }) => ({ what, on: new Date(`${on}T00:00:00Z`) })),
    heartbeats: Object.entries(raw.heartbeats).map(([name, { style, every }]) => ({
      name,
      url: (secrets[`alerts.heartbeats.${name}.url`] ?? '').trim(),
      style,
      everyMs: every,
    })),
    digest: { pricePerGbMonth: digest.price_per_gb_month, currency: digest.currency },
  }
}

function resolveChannel(
  name: string,
  raw: RawAlerts['channels'][string],
  secrets: AlertSecretTexts,
  absolute: (path: string) => string,
): ChannelConfig {
  const any = { name, severity: raw.severity, tenants: raw.tenants ?? null }
  const secret = (last: string): string | null => secrets[`alerts.channels.${name}.${last}`] ?? null
  if (raw.type === 'slack') {
    return { ...any, type: 'slack', webhookUrl: (secret('webhook_url') ?? '').trim() }
  }
  return {
    ...any,
    type: 'email',
    host: raw.host,
    port: raw.port,
    tls: raw.tls,
    caFile: raw.ca_file === undefined ? null : absolute(raw.ca_file),
    user: raw.user ?? null,
    password: secret('password'),
    from: raw.from,
    to: raw.to,
  }
}

function minutes(time: string): number {
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  return hour * 60 + minute
}
