// What a database holds, as hashes that PostgreSQL itself makes: an opinion that owes nothing to our own reader.
import type { Cluster } from './cluster.js'

/** Of every table the rows and the MD5 of their text in a fixed order; of every sequence its value; of the large objects their bytes. */
export async function contentHash(cluster: Cluster, database: string): Promise<Record<string, string>> {
  const rows = await cluster.sql<{ name: string; hash: string }>(database, QUERY)
  return Object.fromEntries(rows.map(row => [row.name, row.hash]))
}

const QUERY = `
  SELECT c.oid::regclass::text AS name,
         (xpath('/row/h/text()', query_to_xml(format(
            'SELECT count(*) || '':'' || md5(coalesce(string_agg(t::text, E''\\n'' ORDER BY t::text COLLATE "C"), '''')) AS h FROM %s t',
            c.oid::regclass), false, true, '')))[1]::text AS hash
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  UNION ALL
  SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value::text, 'unused') FROM pg_sequences
  UNION ALL
  SELECT 'large object ' || oid, md5(lo_get(oid)) FROM pg_largeobject_metadata`
