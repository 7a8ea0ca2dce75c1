// Wires the alerts of the daemon, which watches and tells.
import { hostname } from 'node:os'
import { type Alerting, createAlerting } from './alert/alerting.js'
import type { Channel } from './alert/channel/channel.js'
import { openChannel } from './alert/open-channel.js'
import type { ChannelStanding } from './api/standing-metrics.js'
import type { StoreWatch } from './api/store-health.js'
import type { App } from './app.js'
import type { AlertsConfig, ChannelConfig } from './domain/alerts.js'
import type { JobEnd } from './jobs/runner.js'
import type { Scheduler } from './jobs/scheduler.js'
import { lookAround } from './jobs/surroundings.js'
import type { Week } from './jobs/week.js'
import type { Clock } from './sys/clock.js'
import type { Logger } from './sys/log.js'

/** The alerts read the journal like everyone else; no job knows of them. */
export function createAlerts(
  app: App,
  { clock, log, scheduler, watch }: { clock: Clock; log: Logger; scheduler: Scheduler; watch: StoreWatch },
): Alerting {
  const config = () => app.parts().config.alerts
  const begun = clock.now()
  return createAlerting({
    ...app.alerts,
    events: filter => app.journal.events(filter),
    see: async () => {
      const { failure, lastSuccessAt } = watch.read()
      const store = { failure, failingSince: failure ? (lastSuccessAt ?? begun) : null }
      const around = await lookAround(app.parts(), scheduler.status())
      return { ...around, store, storeAheadMs: watch.aheadMs() }
    },
    config,
    host: hostname(),
    openChannel: channel => openConfigured(channel, config()),
    clock,
    log,
  })
}

/** Writes the week's message from what is known now; the outbox sends it. */
export async function sendDigest(alerting: Alerting, week: Week): Promise<JobEnd> {
  return { outcome: 'succeeded', facts: { channels: await alerting.digest(week) } }
}

/** How each configured channel and heartbeat fares, for the metrics. */
export function channelStandings({
  alerts: { outbox },
  parts,
}: Pick<App, 'alerts' | 'parts'>): ChannelStanding[] {
  const { channels, heartbeats } = parts().config.alerts
  const failing = new Set(outbox.ways().flatMap(one => (one.failingSince === null ? [] : [one.name])))
  const waiting = outbox.waiting()
  return [...channels, ...heartbeats].map(({ name }) => ({
    name,
    failing: failing.has(name),
    waiting: waiting.get(name) ?? 0,
  }))
}

const openConfigured = (channel: ChannelConfig, { language, name }: AlertsConfig): Channel =>
  openChannel(channel, { language, installation: name ?? hostname() })
