// Cuts a script of pg_dumpall into statements and a statement into words. Pure.
// Knows what quotes mean in SQL ('' E'\'' "" $tag$), comments, and psql's own lines; knows no grammar.
// Source: PostgreSQL manual, "Lexical Structure".

export interface Word {
  kind: 'word' | 'identifier' | 'literal' | 'symbol'
  /** An identifier's name, quotes taken off; a bare word in lower case; the raw text of all else. */
  value: string
  /** Where it starts in the statement's text. */
  at: number
}

export interface Statement {
  /** As it stands in the script, without the semicolon. */
  text: string
  words: Word[]
}

type TokenKind = Word['kind'] | 'space' | 'end'

/** Tried in this order at each place. A backslash outside quotes is psql's, to the end of the line. */
const TOKENS: readonly (readonly [TokenKind, RegExp])[] = [
  ['space', /\s+|--.*|\\.*/y],
  ['literal', /[eE]'(?:[^'\\]|\\[\s\S]|'')*'/y],
  ['literal', /(?:[uU]&|[bBxXnN])?'(?:[^']|'')*'/y],
  ['literal', /(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[\s\S]*?\1/y],
  ['identifier', /"(?:[^"]|"")*"/y],
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['end', /;/y],
]

/** Psql's own lines (`\connect`, `\restrict`) are left out. */
export function splitStatements(script: string): Statement[] {
  const statements: Statement[] = []
  let words: Word[] = []
  let start = 0
  let stop = 0
  const finish = () => {
    if (words.length > 0) statements.push({ text: script.slice(start, stop), words })
    words = []
  }
  for (const { kind, from, to } of tokens(script)) {
    if (kind === 'end') finish()
    if (kind === 'end' || kind === 'space') continue
    if (words.length === 0) start = from
    stop = to
    words.push({ kind, value: meaning(kind, script.slice(from, to)), at: from - start })
  }
  finish()
  return statements
}

function* tokens(script: string): Generator<{ kind: TokenKind; from: number; to: number }> {
  let from = 0
  while (from < script.length) {
    const [kind, to] = tokenAt(script, from)
    yield { kind, from, to }
    from = to
  }
}

function tokenAt(script: string, from: number): [TokenKind, number] {
  const comment = blockCommentEnd(script, from)
  if (comment > from) return ['space', comment]
  for (const [kind, pattern] of TOKENS) {
    pattern.lastIndex = from
    if (pattern.test(script)) return [kind, pattern.lastIndex]
  }
  return ['symbol', from + 1]
}

/** Block comments nest. `from` itself when none starts there. */
function blockCommentEnd(script: string, from: number): number {
  if (!script.startsWith('/*', from)) return from
  let depth = 0
  let at = from
  while (at < script.length) {
    if (script.startsWith('/*', at)) depth++
    else if (script.startsWith('*/', at)) depth--
    else {
      at++
      continue
    }
    at += 2
    if (depth === 0) return at
  }
  return script.length
}

function meaning(kind: Word['kind'], raw: string): string {
  if (kind === 'identifier') return raw.slice(1, -1).replaceAll('""', '"')
  return kind === 'word' ? raw.toLowerCase() : raw
}
