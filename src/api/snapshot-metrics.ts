// What Prometheus reads of the servers' snapshots: the newest one of each server, as the journal tells it.
import { Gauge, type Registry } from 'prom-client'
import type { Fold } from './work-metrics.js'

export function snapshotMetrics(registry: Registry): Fold {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `gmah_backup_snapshot_${name}`, help, labelNames: ['server'], registers: [registry] })
  const made = gauge('last_timestamp_seconds', 'When the newest snapshot of a server was begun: its age')
  const bytes = gauge('last_bytes', 'What is billed of the newest snapshot of a server')
  const cost = gauge('last_cost_per_month', "What it costs a month, net, in the account's currency")
  const seconds = gauge('last_duration_seconds', 'How long it took')
  return {
    types: ['snapshot-made'],
    take: event => {
      if (event.type !== 'snapshot-made') return
      const { server, created, sizeGb, costPerMonth, durationMs } = event.facts
      made.set({ server }, Date.parse(created) / 1000)
      bytes.set({ server }, sizeGb * 1e9)
      if (costPerMonth !== null) cost.set({ server }, costPerMonth)
      seconds.set({ server }, durationMs / 1000)
    },
  }
}
