// What the benchmark is asked: sizes, rounds, where the figures go.
// Defaults are the sizes that docs/performance.md speaks of.
import { parseArgs } from 'node:util'

export interface BenchOptions {
  /** MB (10^6) of dump stream of the one large tenant. */
  megabytes: number
  /** How many small tenants, and how large each is. */
  tenants: number
  tenantMegabytes: number
  rounds: number
  /** Leave out what takes long and tells nothing new: gzip. */
  quick: boolean
  jsonFile: string | null
}

const USAGE = `npm run bench -- [options]
  --megabytes <n>         size of the large tenant, default 2000
  --tenants <n>           how many small tenants, default 20; 0 for none
  --tenant-megabytes <n>  size of each, default 30
  --rounds <n>            default 3; medians are shown
  --quick                 64 MB, 3 x 8 MB, one round, unless said otherwise
  --json <file>           write every single measurement to a file as well`

/** @throws Error with the usage when an option is unknown or no number. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      megabytes: { type: 'string' },
      tenants: { type: 'string' },
      'tenant-megabytes': { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  })
  const { quick } = values
  return {
    megabytes: count(values.megabytes, quick ? 64 : 2000, 1),
    tenants: count(values.tenants, quick ? 3 : 20, 0),
    tenantMegabytes: count(values['tenant-megabytes'], quick ? 8 : 30, 1),
    rounds: count(values.rounds, quick ? 1 : 3, 1),
    quick,
    jsonFile: values.json ?? null,
  }
}

function count(text: string | undefined, fallback: number, least: number): number {
  const value = text === undefined ? fallback : Number(text)
  if (!Number.isInteger(value) || value < least)
    throw new Error(`${text} is not a number that fits\n${USAGE}`)
  return value
}
