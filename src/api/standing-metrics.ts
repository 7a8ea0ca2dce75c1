// What Prometheus reads of how the platform stands: from the catalogue, so that it is right after a lost disk too, and from
// the alerts' own judgement, so that a rule there needs no threshold of its own.
import { Gauge, type Registry } from 'prom-client'
import { instantMs } from '../domain/ids.js'
import type { Catalogue } from '../repository/catalogue.js'

export interface StandingSources {
  catalogue: Catalogue
  /** What is wrong now, by the alerts' rules. */
  incidents(): readonly { rule: string; severity: string }[]
  /** Messages that wait to be sent. */
  pending(): number
}

/** Asked at each scrape; one subject more is one line more in each of the first three. */
export function collectStanding(
  registry: Registry,
  { catalogue, incidents, pending }: StandingSources,
): void {
  const registers = [registry]
  new Gauge({
    name: 'gmah_backup_newest_backup_timestamp_seconds',
    help: 'The instant that the newest sound backup of a subject is of',
    labelNames: ['subject'],
    registers,
    collect() {
      this.reset()
      for (const { subject, instant } of catalogue.newest()) this.set({ subject }, instantMs(instant) / 1000)
    },
  })
  new Gauge({
    name: 'gmah_backup_last_proof_timestamp_seconds',
    help: 'When a backup of a subject was last restored and proven',
    labelNames: ['subject'],
    registers,
    collect() {
      this.reset()
      for (const { subject } of catalogue.newestAtAll()) {
        const passed = catalogue.proofs
          .list({ subject })
          .find(one => one.level === 'restore' && one.outcome === 'passed')
        if (passed) this.set({ subject }, Date.parse(passed.at) / 1000)
      }
    },
  })
  new Gauge({
    name: 'gmah_backup_broken_backups',
    help: 'Backups of a subject that name a damaged chunk or cannot be opened, as the last look found them',
    labelNames: ['subject'],
    registers,
    collect() {
      this.reset()
      for (const { subject, count } of catalogue.countBroken()) this.set({ subject }, count)
    },
  })
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
  new Gauge({
    name: 'gmah_backup_alert_messages_waiting',
    help: 'Messages about incidents that no channel has taken yet',
    registers,
    collect() {
      this.set(pending())
    },
  })
}
