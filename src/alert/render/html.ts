// A letter as HTML that mail clients show: tables and inline styles only, no images, nothing fetched, everything escaped.
import type { Letter, LetterTable } from '../letter.js'
import type { Words } from '../words/words.js'

const COLOURS = { info: '#2f6f4f', warning: '#9a6700', critical: '#b3261e' } as const
const TONES = { good: '#2f9e63', bad: '#d64545', none: '#d8dde3' } as const
const FONT = 'font-family:Arial,Helvetica,sans-serif'
const MONO = 'font-family:Consolas,Menlo,monospace'

export function letterHtml(letter: Letter, words: Words): string {
  const colour = COLOURS[letter.severity]
  const parts = [
    row(
      `background:${colour};color:#ffffff;padding:14px 20px;font-size:18px;font-weight:bold`,
      esc(letter.title),
    ),
    letter.facts.length > 0 ? row('padding:14px 20px 4px', factTable(letter.facts)) : '',
    letter.lines.length > 0 ? row('padding:8px 20px', lineTable(letter)) : '',
    letter.table ? row('padding:8px 20px', nights(letter.table)) : '',
    letter.meaning
      ? row(
          'padding:8px 20px',
          `${heading(letter.kind === 'digest' ? '' : words.whatItMeans)}${esc(letter.meaning)}`,
        )
      : '',
    letter.next.length > 0
      ? row('padding:8px 20px', `${heading(words.whatToType)}${commands(letter.next)}`)
      : '',
    letter.link
      ? row(
          'padding:8px 20px',
          `<a href="${esc(letter.link.url)}" style="color:${colour}">${esc(letter.link.text)}</a>`,
        )
      : '',
    row(
      'padding:12px 20px 16px;color:#6b7480;font-size:12px;border-top:1px solid #e3e7eb',
      esc(letter.footer),
    ),
  ]
  return [
    '<!doctype html><html><head><meta charset="utf-8">',
    `<meta name="viewport" content="width=device-width"><title>${esc(letter.title)}</title></head>`,
    '<body style="margin:0;padding:0;background:#f2f4f6">',
    '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f2f4f6"><tr>',
    '<td align="center" style="padding:16px 8px">',
    `<table role="presentation" width="640" cellpadding="0" cellspacing="0" style="max-width:640px;width:100%;background:#ffffff;border:1px solid #e3e7eb;${FONT};font-size:14px;line-height:20px;color:#1f2933">`,
    ...parts,
    '</table></td></tr></table></body></html>',
  ].join('\n')
}

const row = (style: string, inner: string): string => `<tr><td style="${style}">${inner}</td></tr>`
const heading = (text: string): string =>
  text ? `<div style="font-weight:bold;padding-bottom:4px">${esc(text)}</div>` : ''

function factTable(facts: Letter['facts']): string {
  const rows = facts.map(
    ([name, value]) =>
      `<tr><td style="color:#6b7480;padding:2px 14px 2px 0;vertical-align:top">${esc(name)}</td>` +
      `<td style="padding:2px 0;vertical-align:top">${esc(value)}</td></tr>`,
  )
  return `<table role="presentation" cellpadding="0" cellspacing="0" style="${FONT};font-size:14px">${rows.join('')}</table>`
}

function lineTable({ lines, more }: Letter): string {
  const rows = lines.map(({ name, text, hint }) => {
    const small = hint ? `<div style="color:#6b7480;font-size:12px">${esc(hint)}</div>` : ''
    return (
      `<tr><td style="padding:6px 12px 6px 0;border-top:1px solid #eef1f4;vertical-align:top;font-weight:bold">${esc(name)}</td>` +
      `<td style="padding:6px 0;border-top:1px solid #eef1f4;vertical-align:top;word-break:break-word">${esc(text)}${small}</td></tr>`
    )
  })
  const rest = more ? `<tr><td colspan="2" style="padding:6px 0;color:#6b7480">${esc(more)}</td></tr>` : ''
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="${FONT};font-size:13px;line-height:18px">${rows.join('')}${rest}</table>`
}

/**
 * A row a tenant; cells that have a tone and no words are nights, one small square each. Everything else may break, so that it is no
 * wider than a phone.
 */
function nights({ head, rows }: LetterTable): string {
  const columns = Math.max(1, ...rows.map(cells => cells.filter(isNight).length))
  const title = head.map((text, at) => {
    const span = at === 1 && columns > 1 ? ` colspan="${columns}"` : ''
    return `<td${span} style="padding:4px 8px 4px ${at > 1 ? 8 : 0}px;color:#6b7480;font-size:12px;vertical-align:bottom">${esc(text)}</td>`
  })
  const body = rows.map(cells => {
    const shown = cells.map((cell, at) =>
      isNight(cell)
        ? `<td bgcolor="${TONES[cell.tone ?? 'none']}" style="width:3px;height:14px;padding:0 0 0 3px;background:${TONES[cell.tone ?? 'none']};border-right:1px solid #ffffff;border-bottom:3px solid #ffffff;font-size:1px;line-height:14px">&nbsp;</td>`
        : `<td style="padding:2px 8px 2px ${at === 0 ? 0 : 8}px;font-size:12px">${at === 0 ? esc(cell.text) : unbroken(cell.text)}</td>`,
    )
    return `<tr>${shown.join('')}</tr>`
  })
  return `<table cellpadding="0" cellspacing="0" style="${FONT};border-collapse:collapse;line-height:16px"><tr>${title.join('')}</tr>${body.join('')}</table>`
}

/** A date breaks at its blank alone. */
const unbroken = (text: string): string =>
  text
    .split(' ')
    .map(word => `<span style="white-space:nowrap">${esc(word)}</span>`)
    .join(' ')

const isNight = ({ text, tone }: LetterTable['rows'][number][number]): boolean =>
  tone !== undefined && text === ''

const commands = (next: string[]): string =>
  next
    .map(
      one =>
        `<div style="${MONO};font-size:13px;background:#f2f4f6;padding:4px 8px;margin-bottom:3px">${esc(one)}</div>`,
    )
    .join('')

const esc = (text: string): string => text.replace(/[&<>"']/g, one => `&#${one.charCodeAt(0)};`)
