// Rules and dashboard speak of metrics that the daemon has: a name that was changed would leave an alert silent for ever.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { createMetrics } from '../../src/api/metrics.js'
import { proofSchema } from '../../src/domain/records.js'
import { memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import { ACME, backUp, testRepository } from '../kit/repository.js'
import { openCatalogue, openState } from '../kit/state.js'

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
  const { journal } = openState()
  const metrics = createMetrics({
    journal,
    schedules: () => [],
    catalogue: openCatalogue(),
    incidents: () => [],
    pending: () => 0,
  })
  const text = await metrics.render()
  metrics.close()
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

it('every rule says what it is and what to type', () => {
  for (const { alert, annotations } of rules) {
    expect(annotations.summary, alert).toMatch(/\S/)
    expect(annotations.description, alert).toMatch(/\S/)
  }
})

it('the newest backup and the last proof of each subject are told from the catalogue', async () => {
  const repository = testRepository(memoryStore())
  const catalogue = openCatalogue()
  try {
    const manifest = await backUp(repository, ACME, noise(20_000, 1), '2026-11-21T02:00:00.000Z')
    catalogue.record(manifest)
    const proof = proofSchema.parse({
      ...{
        format: 1,
        backup: manifest.backup,
        at: '2026-11-22T04:00:00.000Z',
        level: 'restore',
        outcome: 'passed',
      },
      ...{ loadSeconds: 1, seconds: 2, tables: 1, rows: 1, differences: [], tool: 'test' },
    })
    catalogue.proofs.record(ACME, 'key', proof)
    const { journal } = openState()
    const sources = { journal, schedules: () => [], incidents: () => [], pending: () => 0 }
    const text = await createMetrics({ ...sources, catalogue }).render()
    const at = (iso: string) => String(Date.parse(iso) / 1000)
    expect(text).toContain(
      `gmah_backup_newest_backup_timestamp_seconds{subject="${ACME}"} ${at('2026-11-21T02:00:00Z')}\n`,
    )
    expect(text).toContain(
      `gmah_backup_last_proof_timestamp_seconds{subject="${ACME}"} ${at('2026-11-22T04:00:00Z')}\n`,
    )
  } finally {
    await repository.close()
  }
})

const PROMTOOL = ['/usr/bin/promtool', '/usr/local/bin/promtool'].find(existsSync)

it.skipIf(!PROMTOOL)('promtool accepts the rules, and sees each one fire and be over', () => {
  const run = (...args: string[]) => execFileSync(PROMTOOL as string, args, { cwd: FOLDER, encoding: 'utf8' })
  expect(run('check', 'rules', 'prometheus-rules.yaml')).toContain('SUCCESS')
  expect(run('test', 'rules', 'prometheus-rules.test.yaml')).toContain('SUCCESS')
})
