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

/** Asked at each scrape. */
export function collectStanding(registry: Registry, { incidents, channels }: StandingSources): void {
  const registers = [registry]
  new Gauge({
    name: 'gmah_backup_incidents_open',
    help: 'What is wrong now, by rule and severity; `gmah-backup alert list` says what to do',
    labelNames: ['rule', 'severity'],
    registers,
    collect() {
      this.reset()
      for (const { rule, severity } of incidents()) this.inc({ rule, severity })
    },
  })
  const ofChannel = (name: string, help: string, value: (one: ChannelStanding) => number): void => {
    new Gauge({
      name: `gmah_backup_alert_${name}`,
      help,
      labelNames: ['channel'],
      registers,
      collect() {
        this.reset()
        for (const one of channels()) this.set({ channel: one.name }, value(one))
      },
    })
  }
  ofChannel('messages_waiting', 'Messages that a channel has not taken yet', one => one.waiting)
  ofChannel('channel_failing', '1: the channel could not be used when it last was', one =>
    Number(one.failing),
  )
}
