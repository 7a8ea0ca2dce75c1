// The real Prometheus on a port of its own choice and a folder of its own, scraping one target every second.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parse, stringify } from 'yaml'
import { until } from './clock.js'

export const PROMTOOL = ['/usr/bin/promtool', '/usr/local/bin/promtool'].find(existsSync)
if (!PROMTOOL) process.stderr.write('SKIPPED: there is no promtool here (apt-get install prometheus)\n')
export const PROMETHEUS = ['/usr/bin/prometheus', '/usr/local/bin/prometheus'].find(existsSync)

export interface Sample {
  metric: Record<string, string>
  value: [number, string]
}

export interface Prometheus {
  /** What an instant query gives. Throws what Prometheus says against it. */
  query(expr: string): Promise<Sample[]>
  rules(): Promise<{ name: string; health: string; lastError?: string }[]>
  stop(): Promise<void>
}

/** As an operator has it, but for the port. */
function shippedScrape(target: string): unknown {
  const [scrape] = parse(readFileSync('monitoring/prometheus-scrape.yaml', 'utf8'))
  return [{ ...scrape, static_configs: [{ targets: [target] }] }]
}

/** Scrapes `address` (http://host:port) as job gmah-backup, with the rules of a file. */
export async function startPrometheus(address: string, rulesFile: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'gmah-prometheus-'))
  const configFile = join(folder, 'prometheus.yaml')
  writeFileSync(
    configFile,
    stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rulesFile],
      scrape_configs: shippedScrape(new URL(address).host),
    }),
  )
  const child = spawn(
    PROMETHEUS as string,
    [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
      '--log.format=json',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const ended = once(child, 'exit')
  const said: string[] = []
  const own = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', line => {
      said.push(line)
      const { msg, address: at } = JSON.parse(line) as { msg?: string; address?: string }
      if (msg === 'Listening on' && at) resolve(`http://${at}`)
    })
    child.once('exit', () => reject(new Error(`Prometheus did not start: ${said.join('\n')}`)))
  })
  // It listens before it has read its own files.
  await until(async () => (await fetch(`${own}/-/ready`)).ok, 120_000)
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${own}/api/v1/${path}`)
    const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string }
    if (status !== 'success') throw new Error(`${path}: ${error}`)
    return data
  }
  return {
    query: async expr => (await get<{ result: Sample[] }>(`query?query=${encodeURIComponent(expr)}`)).result,
    rules: async () =>
      (
        await get<{ groups: { rules: { name: string; health: string; lastError?: string }[] }[] }>('rules')
      ).groups.flatMap(one => one.rules),
    stop: async () => {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
