// `npm run bench`: makes a platform, lets us and the others work on it in turns, prints what it cost as ratios.
// Sizes and rounds are options; `-- --quick` says in two minutes whether everything works.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { makeData } from './data.js'
import { parseOptions } from './options.js'
import { reportText } from './report.js'
import { type Result, runRounds } from './rounds.js'

const options = parseOptions(process.argv.slice(2))
const say = (text: string): void => void process.stderr.write(`${text}\n`)

say(`making ${options.megabytes} MB and ${options.tenants} x ${options.tenantMegabytes} MB ...`)
const data = await makeData(options)
const machine = {
  processors: cpus().length,
  model: cpus()[0]?.model ?? 'unknown',
  node: process.version,
  postgres: data.cluster.version,
}
const results: Result[] = []
try {
  for (const workload of data.workloads) {
    await runRounds(data, workload, options, result => {
      results.push(result)
      // After each, so that a run that is stopped midway has not been for nothing.
      if (options.jsonFile)
        writeFileSync(options.jsonFile, JSON.stringify({ machine, options, results }, null, 2))
      say(`round ${result.round}, ${result.phase}: ${result.who} ${result.seconds.toFixed(2)} s`)
    })
  }
} finally {
  await data.stop()
}

console.log(`${machine.processors} x ${machine.model}, node ${machine.node}, PostgreSQL ${machine.postgres}`)
console.log(`medians of ${options.rounds} rounds; ratio: seconds to those of the first line of each phase\n`)
console.log(reportText(results))
