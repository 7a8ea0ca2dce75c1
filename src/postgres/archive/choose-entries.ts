// Which entries of an archive make up some of its tables: the tables, what they need, and what belongs to them. Pure.
import type { Entry } from './contents.js'

export interface TableName {
  schema: string
  name: string
}

/** Settings of the archive itself: without them its statements may mean something else. */
const ALWAYS = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH'])
const TABLES = new Set(['TABLE', 'FOREIGN TABLE'])
/** Objects of a table, or of one of its objects: they come with it. */
const OWN = new Set([
  ...['TABLE DATA', 'DEFAULT', 'CONSTRAINT', 'CHECK CONSTRAINT', 'INDEX', 'INDEX ATTACH', 'STATISTICS'],
  ...['SEQUENCE', 'SEQUENCE OWNED BY', 'SEQUENCE SET', 'ROW SECURITY', 'POLICY'],
])
/** They tie two things together, or say something of one: taken when everything they need is taken anyway. */
const TIES = new Set(['FK CONSTRAINT', 'TRIGGER', 'RULE', 'ACL', 'COMMENT', 'SECURITY LABEL'])
const HOMES = new Set([...TABLES, 'SEQUENCE', 'INDEX', 'CONSTRAINT'])

/** In the archive's order. Partitions come with their table. Left out: foreign keys to tables that are not
 * asked for, and triggers. */
export function chooseEntries(entries: readonly Entry[], asked: readonly TableName[]): Entry[] {
  const byId = new Map(entries.map(entry => [entry.id, entry]))
  const taken = new Set<number>()
  const take = (entry: Entry): void => {
    if (taken.has(entry.id)) return
    taken.add(entry.id)
    for (const id of entry.dependencies) {
      const needed = byId.get(id)
      if (needed) take(needed)
    }
  }
  for (const entry of entries) if (ALWAYS.has(entry.type) || isAsked(entry, asked)) take(entry)
  for (let before = -1; before !== taken.size; ) {
    before = taken.size
    for (const entry of entries) if (!taken.has(entry.id) && belongs(entry, taken, byId)) take(entry)
  }
  return entries.filter(entry => taken.has(entry.id))
}

const isAsked = (entry: Entry, asked: readonly TableName[]): boolean =>
  TABLES.has(entry.type) && asked.some(one => one.schema === entry.schema && one.name === entry.name)

function belongs(entry: Entry, taken: ReadonlySet<number>, byId: ReadonlyMap<number, Entry>): boolean {
  const needs = entry.dependencies.map(id => byId.get(id)).filter(one => one !== undefined)
  const isTaken = (one: Entry): boolean => taken.has(one.id)
  if (TIES.has(entry.type)) return needs.length > 0 && needs.every(isTaken)
  // Named after the partition; it needs that and the table it is a part of.
  if (entry.type === 'TABLE ATTACH')
    return needs.some(one => isTaken(one) && (one.name !== entry.name || one.schema !== entry.schema))
  if (!OWN.has(entry.type)) return false
  const home = needs.some(one => HOMES.has(one.type) && isTaken(one))
  return home && !needs.some(one => TABLES.has(one.type) && !isTaken(one))
}
