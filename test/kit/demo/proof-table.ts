// What the demo shows of a proof: the dropped table, the largest ones, and the count of all.
// Nothing is said to be equal that the proof does not call so.
import { bytesText, countText } from '../../../src/cli/output.js'
import { table } from '../../../src/cli/table.js'
import type { Manifest, TableFacts } from '../../../src/domain/manifest.js'
import type { Proof } from '../../../src/verify/proof.js'

const SHOWN = 7

/** The dropped table first, then the largest ones; the rest as a count. */
export function proofTable(manifest: Manifest, proof: Proof, dropped: string): string[] {
  const all = manifest.dump?.tables ?? []
  const unequal = new Set(proof.differences.map(one => one.name))
  const largest = all.filter(one => one.name !== dropped).sort((a, b) => b.bytes - a.bytes)
  const shown = [...all.filter(one => one.name === dropped), ...largest.slice(0, SHOWN)]
  const row = (one: TableFacts) => {
    const name = one.schema === 'public' ? one.name : `${one.schema}.${one.name}`
    const verdict = unequal.has(`${one.schema}.${one.name}`) ? 'DIFFERS' : 'equal'
    return [name, countText(one.rows), bytesText(one.bytes), one.digest.slice(0, 12), verdict]
  }
  const headings = ['table', 'rows', 'size', 'digest of rows', 'restored']
  const lines = table(headings, shown.map(row), { right: ['rows', 'size'] }).split('\n')
  const rest = all.length - shown.length
  return [
    ...lines,
    `… and ${rest} more. ${proof.tables} tables, ${countText(proof.rows)} rows, ${bytesText(proof.bytes)}: ${verdictOf(proof)}`,
  ]
}

const verdictOf = ({ differences }: Proof): string =>
  differences.length === 0 ? 'all equal' : `${differences.length} differences`
