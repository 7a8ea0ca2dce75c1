// Which roles an entry's definition names: they must exist before a restore.
// Guarantees every grantee, grantor, default-privilege role, policy role and mapped user; never PUBLIC.
// The statements: buildACLCommands, buildDefaultACLCommands and makeAlterConfigCommand in src/bin/pg_dump/dumputils.c,
// dumpPolicy and dumpUserMappings in src/bin/pg_dump/pg_dump.c.
import { statements, type Word } from './sql.js'

const FINDERS: Record<string, (words: readonly Word[]) => string[]> = {
  ACL: grantRoles,
  'DEFAULT ACL': words => [...namesAfter(words, 'FOR', 'ROLE'), ...grantRoles(words)],
  POLICY: words => namesAfter(words, 'TO'),
  'USER MAPPING': words => namesAfter(words, 'FOR'),
  'DATABASE PROPERTIES': words => namesAfter(words, 'ALTER', 'ROLE'),
}

/** The roles that the definition of an entry of this type names, in the order of their appearance. */
export function rolesNamed(type: string, definition: () => string): string[] {
  const find = FINDERS[type]
  if (!find) return []
  const names = statements(definition()).flatMap(words => find(outsideParentheses(words)))
  // No role can have this name: the server refuses it, quoted too.
  return names.filter(name => name.toLowerCase() !== 'public')
}

/** `GRANT … TO a, b`, `REVOKE … FROM a`, and who granted it when that is not the owner. */
function grantRoles(words: readonly Word[]): string[] {
  return [
    ...namesAfter(words, 'SESSION', 'AUTHORIZATION'),
    ...namesAfter(words, 'TO'),
    ...namesAfter(words, 'FROM'),
    ...namesAfter(words, 'GRANTED', 'BY'),
  ]
}

/** The comma-separated names behind the first run of these keywords. Reserved words stand quoted when they are names. */
function namesAfter(words: readonly Word[], ...keywords: string[]): string[] {
  const start = words.findIndex((_, at) => keywords.every((keyword, n) => isKeyword(words[at + n], keyword)))
  if (start < 0) return []
  const names: string[] = []
  for (let at = start + keywords.length; ; at += 2) {
    const word = words[at]
    if (word?.kind !== 'bare' && word?.kind !== 'quoted') return names
    names.push(word.text)
    if (words[at + 1]?.text !== ',') return names
  }
}

const isKeyword = (word: Word | undefined, keyword: string): boolean =>
  word?.kind === 'bare' && word.text.toUpperCase() === keyword

/** Column lists, function arguments and policy expressions name no roles but may look as if they did. */
function outsideParentheses(words: readonly Word[]): Word[] {
  let depth = 0
  return words.filter(word => {
    if (word.kind === 'mark' && word.text === '(') depth++
    const outside = depth === 0
    if (word.kind === 'mark' && word.text === ')') depth--
    return outside
  })
}
