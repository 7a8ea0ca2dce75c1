// What Prometheus reads of how the daemon judges itself: open incidents, so that a rule there needs no threshold of its own,
// and whether what it has to say gets out.
import { Gauge, type Registry } from 'prom-client'

export interface StandingSources {
  /** What is wrong now, by the alerts' rules. */
  incidents(): readonly { rule: string; severity: string }[]
  /** How each channel and heartbeat fares. */
  channels(): readonly ChannelStanding[]
}

export interface ChannelStanding {
  name: string
  failing: boolean
  /** Messages that it has not taken yet. */
  waiting: number
}

/** The gauges in the registry. @returns what brings them up to date. */
export function standingGauges(registry: Registry, { incidents, channels }: StandingSources): () => void {
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: `gmah_backup_${name}`, help, labelNames, registers: [registry] })
  const open = gauge(
    'incidents_open',
    'What is wrong now, by rule and severity; `gmah-backup alert list` says what to do',
    ...['rule', 'severity'],
  )
  const waiting = gauge('alert_messages_waiting', 'Messages that a channel has not taken yet', 'channel')
  const failing = gauge(
    'alert_channel_failing',
    '1: the channel could not be used when it last was',
    'channel',
  )
  return () => {
    for (const one of [open, waiting, failing]) one.reset()
    for (const { rule, severity } of incidents()) open.inc({ rule, severity })
    for (const one of channels()) {
      waiting.set({ channel: one.name }, one.waiting)
      failing.set({ channel: one.name }, Number(one.failing))
    }
  }
}
