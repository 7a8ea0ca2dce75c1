// Text as a terminal's cells: how wide it is, cut to fit, and without what would steer the terminal.

/** Two cells each: CJK, Hangul, kana, full-width forms. Emoji are asked of the regular expression engine. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
const NONE = /^[\p{Mn}\p{Me}\p{Cf}]$/u

/** One cluster is what a reader takes for one character: a letter with its accents, a flag, a family. */
const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** How many cells a terminal gives to the text. */
export function cellWidth(text: string): number {
  let width = 0
  for (const { segment } of clusters.segment(text)) width += clusterWidth(segment)
  return width
}

function clusterWidth(cluster: string): number {
  if (WIDE.test(cluster) || cluster.includes('\ufe0f')) return 2
  return NONE.test(cluster) ? 0 : 1
}

export const padEnd = (text: string, cells: number): string =>
  text + ' '.repeat(Math.max(0, cells - cellWidth(text)))

export const padStart = (text: string, cells: number): string =>
  ' '.repeat(Math.max(0, cells - cellWidth(text))) + text

/** The text, or its beginning with an ellipsis, in at most so many cells. */
export function cut(text: string, cells: number): string {
  if (cellWidth(text) <= cells) return text
  let kept = ''
  let width = 1
  for (const { segment } of clusters.segment(text)) {
    width += clusterWidth(segment)
    if (width > cells) break
    kept += segment
  }
  return `${kept.trimEnd()}…`
}

/** The text over as many lines as it takes, broken between words, each behind `indent`; a longer word is left whole. */
export function wrapped(text: string, cells: number, indent: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of oneLine(text).split(' ')) {
    if (line !== '' && cellWidth(`${indent}${line} ${word}`) > cells) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, indent + line]
}

/**
 * Control characters and changes of writing direction as escapes: a database may be called whatever its owner likes, and
 * must not move the cursor by it. JSON stays JSON, since `\\u001b` means the same there.
 */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, escaped)
}

/** The same for what must stay on its line. */
export const oneLine = (text: string): string => harmless(text).replaceAll('\n', '\\n')

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
