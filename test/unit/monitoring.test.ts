// Rules and dashboard speak of metrics that the daemon has: a name that was changed would leave an alert silent for ever.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { openMetrics } from '../kit/metrics.js'
import { PROMTOOL } from '../kit/prometheus.js'

const FOLDER = join(process.cwd(), 'monitoring')
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8')

interface Rule {
  alert: string
  expr: string
  annotations: Record<string, string>
}
const rules: Rule[] = parse(read('prometheus-rules.yaml')).groups.flatMap(
  (one: { rules: Rule[] }) => one.rules,
)
const panels: { title: string; targets: { expr: string }[] }[] = JSON.parse(
  read('grafana-dashboard.json'),
).panels
const queries = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
]

async function names(): Promise<string[]> {
  const text = await openMetrics().metrics.render()
  const declared = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
  return declared.flatMap(([, name = '', type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
  )
}

it('every metric in a query exists', async () => {
  const known = await names()
  expect(queries.length).toBeGreaterThan(20)
  for (const [where, expr] of queries) {
    const used = expr.match(/\b(?:gmah_backup|process|nodejs)_\w+/g) ?? []
    for (const name of used) expect(known, `${where}: ${name}`).toContain(name)
  }
})

it('every rule is seen to fire, and to be over', () => {
  const cases: { alertname: string; exp_alerts: unknown[] }[] = parse(
    read('prometheus-rules.test.yaml'),
  ).tests.flatMap((one: { alert_rule_test: unknown[] }) => one.alert_rule_test)
  for (const { alert } of rules) {
    const alerts = cases.filter(one => one.alertname === alert).map(one => one.exp_alerts.length > 0)
    expect(alerts.slice(-2), alert).toEqual([true, false])
  }
})

it('every rule says what it is and what to type', () => {
  for (const { alert, annotations } of rules) {
    expect(annotations.summary, alert).toMatch(/\S/)
    expect(annotations.description, alert).toMatch(/\S/)
  }
})

it.skipIf(!PROMTOOL)('promtool accepts the rules, and sees each one fire and be over', () => {
  const run = (...args: string[]) => execFileSync(PROMTOOL as string, args, { cwd: FOLDER, encoding: 'utf8' })
  expect(run('check', 'rules', 'prometheus-rules.yaml')).toContain('SUCCESS')
  expect(run('test', 'rules', 'prometheus-rules.test.yaml')).toContain('SUCCESS')
})
