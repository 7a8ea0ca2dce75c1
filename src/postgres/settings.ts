// `name=value` as pg_db_role_setting keeps it, to SET clauses. Pure.
// A value that is a list of names is kept quoted, and must be given as separate literals or it becomes one odd name.
import { quoteIdentifier, quoteLiteral } from './target.js'

/** GUC_LIST_QUOTE variables. Source: src/bin/pg_dump/dumputils.c, variable_is_guc_list_quote. */
const LISTS = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
])

/** `SET "search_path" TO 'app', 'public'`, to follow ALTER DATABASE … or ALTER ROLE … IN DATABASE …; null when there is no `=`. */
export function setClause(setting: string): string | null {
  const at = setting.indexOf('=')
  if (at < 1) return null
  const [name, value] = [setting.slice(0, at), setting.slice(at + 1)]
  const values = LISTS.has(name.toLowerCase()) ? splitList(value) : [value]
  // An extension's setting has a dot: each part is an identifier of its own.
  const quoted = name.split('.').map(quoteIdentifier).join('.')
  return `SET ${quoted} TO ${values.map(quoteLiteral).join(', ') || "''"}`
}

/** Names separated by commas, each bare or in quotes with quotes doubled. Source: varlena.c, SplitGUCList. */
export function splitList(value: string): string[] {
  return [...value.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,"]+?))\s*(?:,|$)/g)].map(([, quoted, bare]) =>
    quoted === undefined ? (bare ?? '') : quoted.replaceAll('""', '"'),
  )
}
