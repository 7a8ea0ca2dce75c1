// A letter as Slack blocks in a coloured attachment, inside Slack's limits; and as plain text when Slack refuses the blocks.
import type { Letter } from '../letter.js'
import type { Words } from '../words/words.js'

const COLOURS = { info: '#2f9e63', warning: '#e0a100', critical: '#d64545' } as const
/** Slack refuses a section's text above 3000 characters, a header's above 150. */
const SECTION_MAX = 2900
const HEADER_MAX = 148

export interface SlackMessage {
  text: string
  attachments?: { color: string; fallback: string; blocks: Record<string, unknown>[] }[]
}

export function slackMessage(letter: Letter, words: Words): SlackMessage {
  const lines = letter.lines.map(
    ({ name, text, hint }) => `*${esc(name)}*: ${esc(text)}${hint ? `\n_${esc(hint)}_` : ''}`,
  )
  const typed = letter.next.map(one => `\`${esc(one)}\``)
  const blocks = [
    { type: 'header', text: { type: 'plain_text', text: cut(letter.title, HEADER_MAX) } },
    ...(letter.facts.length > 0
      ? [section(letter.facts.map(([name, value]) => `${esc(name)}: *${esc(value)}*`).join('   '))]
      : []),
    ...(lines.length > 0 ? [section([...lines, esc(letter.more)].filter(Boolean).join('\n'))] : []),
    ...(letter.table ? [section(tableOf(letter.table))] : []),
    ...(letter.meaning ? [section(esc(letter.meaning))] : []),
    ...(typed.length > 0 ? [section(`*${esc(words.whatToType)}*\n${typed.join('\n')}`)] : []),
    ...(letter.link ? [section(`<${letter.link.url}|${esc(letter.link.text)}>`)] : []),
    { type: 'context', elements: [{ type: 'mrkdwn', text: cut(esc(letter.footer), SECTION_MAX) }] },
  ]
  return {
    text: letter.title,
    attachments: [{ color: COLOURS[letter.severity], fallback: letter.title, blocks }],
  }
}

/** What a channel that refuses the blocks is sent instead. */
export const slackPlain = (text: string): SlackMessage => ({ text: cut(esc(text), 3 * SECTION_MAX) })

const section = (text: string) => ({
  type: 'section',
  text: { type: 'mrkdwn', text: cut(text, SECTION_MAX) },
})

const SQUARES = { good: '■', bad: '✗', none: '·' } as const

function tableOf({ rows }: NonNullable<Letter['table']>): string {
  const width = Math.min(24, Math.max(0, ...rows.map(([name]) => name?.text.length ?? 0)))
  const lines = rows.map(([name, ...cells]) => {
    const squares = cells.filter(one => one.tone && one.text === '').map(one => SQUARES[one.tone ?? 'none'])
    return `${cut(name?.text ?? '', width).padEnd(width)} ${squares.join('')}`
  })
  const fence = '```'
  const body = lines.join('\n').slice(0, SECTION_MAX - 10)
  return `${fence}${esc(body.slice(0, body.length === SECTION_MAX - 10 ? body.lastIndexOf('\n') : undefined))}${fence}`
}

/** Slack's own rule: these three, nothing else. */
const esc = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`
