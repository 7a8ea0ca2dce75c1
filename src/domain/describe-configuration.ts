// The configuration as it may be shown: secrets say only that they are there.
import type { Config, StoreConfig } from './configuration.js'

/** The configuration for people and logs: everything but secrets, which are shown as present or absent. */
export function describeConfig(config: Config): Record<string, unknown> {
  const mask = (value: string | null): string | null => (value === null ? null : '[redacted]')
  const maskStore = (store: StoreConfig) =>
    store.type === 's3'
      ? { ...store, accessKeyId: mask(store.accessKeyId), secretAccessKey: mask(store.secretAccessKey) }
      : store
  const { store, files, postgres, drills, hetzner, alerts } = config
  return {
    ...config,
    store: maskStore(store),
    files: { ...files, store: maskStore(files.store) },
    alerts: {
      ...alerts,
      channels: alerts.channels.map(channel =>
        channel.type === 'email'
          ? { ...channel, password: mask(channel.password) }
          : { ...channel, webhookUrl: mask(channel.webhookUrl) },
      ),
      heartbeats: alerts.heartbeats.map(heartbeat => ({ ...heartbeat, url: mask(heartbeat.url) })),
    },
    postgres: {
      ...postgres,
      password: mask(postgres.password),
      pgbouncer: postgres.pgbouncer && { ...postgres.pgbouncer, password: mask(postgres.pgbouncer.password) },
      tenants: { ...postgres.tenants, pattern: postgres.tenants.pattern.source },
    },
    hetzner: hetzner && { ...hetzner, token: mask(hetzner.token) },
    drills: {
      ...drills,
      scratchServer: drills.scratchServer && {
        ...drills.scratchServer,
        password: mask(drills.scratchServer.password),
      },
    },
  }
}
