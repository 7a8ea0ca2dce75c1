// A letter as plain text: the mail for those who read without HTML, and the last resort elsewhere.
import type { Letter } from '../letter.js'
import type { Words } from '../words/words.js'

export function letterText(letter: Letter, words: Words): string {
  const width = Math.max(0, ...letter.facts.map(([name]) => name.length)) + words.colon.length + 1
  const facts = letter.facts.map(([name, value]) => `${`${name}${words.colon}`.padEnd(width)}${value}`)
  const lines = letter.lines.flatMap(({ name, text, hint }) => [
    `- ${name}: ${text}`,
    ...(hint ? [`    ${hint}`] : []),
  ])
  const blocks = [
    letter.thread,
    facts.join('\n'),
    [...lines, letter.more].filter(Boolean).join('\n'),
    letter.meaning,
    letter.next.length > 0
      ? `${words.whatToType}${words.colon}\n${letter.next.map(one => `  ${one}`).join('\n')}`
      : '',
    letter.table ? tableText(letter.table) : '',
    letter.link ? `${letter.link.text}: ${letter.link.url}` : '',
    `-- \n${letter.footer}`,
  ]
  return `${blocks.filter(Boolean).join('\n\n')}\n`
}

const SIGNS = { good: '+', bad: 'X', none: '.' } as const

/** Nights stand side by side, without the blanks between columns. */
function tableText({ head, rows }: NonNullable<Letter['table']>): string {
  const all = [head, ...rows.map(cells => joined(cells))]
  const widths = head.map((_, at) => Math.max(...all.map(row => (row[at] ?? '').length)))
  return all
    .map(row =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function joined(cells: NonNullable<Letter['table']>['rows'][number]): string[] {
  const [name, ...rest] = cells
  const nights = rest.filter(one => one.tone).map(one => SIGNS[one.tone ?? 'none'])
  return [name?.text ?? '', nights.join(''), ...rest.filter(one => !one.tone).map(one => one.text)]
}
