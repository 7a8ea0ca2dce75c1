// The words of an SQL statement as pg_dump writes it: enough to tell a keyword from a quoted name or a string.
// Guarantees that nothing inside quotes, dollar quotes or comments is ever taken for a word.

export interface Word {
  /** The identifier's value, unquoted; or the keyword or punctuation itself. */
  text: string
  /** `bare` words may be keywords; `quoted` are identifiers whatever they say; strings and numbers are `other`. */
  kind: 'bare' | 'quoted' | 'mark' | 'other'
}

const PATTERN = new RegExp(
  [
    String.raw`(?<space>\s+|--[^\n]*|/\*[\s\S]*?\*/)`,
    String.raw`(?<escaped>[eE]'(?:[^'\\]|\\[\s\S]|'')*')`,
    `(?<string>'(?:[^']|'')*')`,
    String.raw`(?<dollar>\$(?<tag>[A-Za-z_\u0080-\uffff]?[\w\u0080-\uffff]*)\$[\s\S]*?\$\k<tag>\$)`,
    `"(?<quoted>(?:[^"]|"")*)"`,
    String.raw`(?<bare>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    String.raw`(?<mark>[\s\S])`,
  ].join('|'),
  'gy',
)

/** Splits a script into statements at each `;` outside of quotes, and those into words. */
export function statements(sql: string): Word[][] {
  const all: Word[][] = []
  let words: Word[] = []
  for (const match of sql.matchAll(PATTERN)) {
    const { space, quoted, bare, mark } = match.groups ?? {}
    if (space !== undefined) continue
    if (mark === ';') {
      all.push(words)
      words = []
    } else if (quoted !== undefined) words.push({ text: quoted.replaceAll('""', '"'), kind: 'quoted' })
    else if (bare !== undefined) words.push({ text: bare, kind: 'bare' })
    else words.push(mark === undefined ? { text: match[0], kind: 'other' } : { text: mark, kind: 'mark' })
  }
  if (words.length > 0) all.push(words)
  return all
}
