// What belongs to the database itself and stands in no archive: owner, encoding, locale, rights, comment, settings.
// Pure; a proof takes it beside the archive's facts.
import type { DatabaseProperties } from '../domain/manifest.js'
import { setClause } from '../postgres/settings.js'

/** A property's name → its text in a form that equal properties share. */
type Spelled = Record<string, string>

/**
 * The properties in which a restored database differs from the original. Its name and its tablespace are the target's;
 * locales are compared only between servers of one major, which spell them alike.
 */
export function compareDatabases(
  backup: DatabaseProperties,
  restored: DatabaseProperties,
  sameMajor: boolean,
): { name: string; backup: string; restored: string }[] {
  const [before, after] = [spell(backup, sameMajor), spell(restored, sameMajor)]
  return Object.entries(before)
    .map(([name, text]) => ({ name, backup: text, restored: after[name] ?? 'nothing' }))
    .filter(one => one.backup !== one.restored)
}

function spell(database: DatabaseProperties, withLocale: boolean): Spelled {
  const { owner, encoding, connectionLimit, acl, comment, settings } = database
  return {
    owner,
    encoding,
    'connection limit': String(connectionLimit),
    rights: acl === null ? "PostgreSQL's own" : acl.toSorted().join(', ') || 'none',
    comment: comment === null ? 'none' : JSON.stringify(comment),
    settings: settings.map(settingText).sort().join('; ') || 'none',
    ...(withLocale ? { locale: localeText(database) } : {}),
  }
}

/** As a statement: a list of names may be kept with or without spaces and quotes. */
const settingText = ({ role, setting }: DatabaseProperties['settings'][number]): string =>
  `${role === null ? '' : `${JSON.stringify(role)} `}${setClause(setting) ?? setting}`

function localeText(database: DatabaseProperties): string {
  const { localeProvider, collate, ctype, locale, icuRules } = database
  return [localeProvider, collate, ctype, locale, icuRules].filter(one => one !== null).join(' ')
}
