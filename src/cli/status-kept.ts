// What restores in place have put aside, on the status page: it takes the server's disk until its days are over.
import type { PutAside } from '../jobs/kept-databases.js'
import { bytesText, counted, instantText } from './output.js'
import type { StatusSection } from './status-section.js'

/** @param putAside null: the server could not be asked, as the tenants' section says. */
export function keptSection(putAside: PutAside | null): StatusSection {
  return { title: 'put aside by restores in place', lines: [putAside ? lineOf(putAside) : 'not known'] }
}

function lineOf({ databases, bytes, firstUntil }: PutAside): string {
  if (databases === 0) return 'nothing'
  const until = firstUntil ? `, the first of them until ${instantText(firstUntil.toISOString())}` : ''
  return `${counted(databases, 'database')}, ${bytesText(bytes)}${until}; \`gmah-backup restore list\``
}
