// The documents for people: every link leads somewhere, and every option and command they name exists.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import type { Doors } from '../../src/cli/desk.js'
import { createProgram } from '../../src/cli/program.js'
import { ERRORS } from '../../src/domain/errors.js'
import { projectRoot } from '../kit/platform/scripts.js'

const root = projectRoot()
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.md'))
    .map(path => join('docs', path)),
]
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8')

/** A heading's anchor as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')

/** The anchors of a page; what stands in a block of code is no heading. */
function anchors(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '')
  return [...prose.matchAll(/^#{1,6} (.*)$/gm)].map(match => anchorOf(match[1] ?? ''))
}

/** The links of `page` that lead nowhere. */
function dead(page: string, text: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(match => match[1] ?? '')
  return targets
    .filter(target => !/^https?:/.test(target))
    .filter(target => {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path)
      if (!existsSync(file)) return true
      return anchor !== undefined && !anchors(textOf(relative(root, file))).includes(anchor)
    })
    .map(target => `${page}: ${target}`)
}

test('every link and every anchor leads somewhere', () => {
  expect(pages.length).toBeGreaterThan(8)
  expect(pages.flatMap(page => dead(page, textOf(page)))).toEqual([])
  const text = '[a](nowhere.md) [b](docs/format.md#no-such-heading) [c](docs/format.md#a-chunk) [d](#gone)'
  expect(dead('README.md', text)).toEqual([
    'README.md: nowhere.md',
    'README.md: docs/format.md#no-such-heading',
    'README.md: #gone',
  ])
})

/** `postgres.tools_directory` and the like, wherever words of ours name one. */
const optionsIn = (text: string): string[] =>
  [...text.matchAll(/\b(?:store|postgres|keys|dump|daemon)\.[a-z_]+(?=[`\s,;.:)]|$)/g)]
    .map(match => match[0])
    .filter(name => !name.endsWith('.json'))

test('every option that a page or a hint names stands in the example', () => {
  const example = readFileSync(join(root, 'gmah-backup.example.yaml'), 'utf8')
  const known = new Set([...example.matchAll(/\b([a-z_]+):/g)].map(match => match[1]))
  const unknown = (text: string) => optionsIn(text).filter(option => !known.has(option.split('.')[1]))
  const code = (text: string) => [...text.matchAll(/`[^`\n]+`/g)].join('\n')
  // In docs/format.md `dump.…` is a field of a manifest.
  const ours = pages.filter(page => page !== join('docs', 'format.md'))
  expect(ours.flatMap(page => unknown(code(textOf(page))))).toEqual([])
  expect(Object.values(ERRORS).flatMap(({ hint }) => unknown(hint))).toEqual([])
  expect(unknown('set postgres.tools, or dump.nice')).toEqual(['postgres.tools'])
})

/** Each `gmah-backup …` in a page: its words up to the first argument. */
const commandsIn = (text: string): string[][] =>
  [...text.matchAll(/(?<![\w/.-])gmah-backup ((?:--\w+ \S+ )*)([a-z]+(?: [a-z]+)*)\b/g)].map(match =>
    (match[2] ?? '').split(' '),
  )

test('every command that a page or a hint names exists', () => {
  const program = createProgram({} as Doors, '0', false)
  const exists = ([first = '', second = '']: string[]): boolean => {
    const command = program.commands.find(one => one.name() === first)
    if (!command || second === '' || command.commands.length === 0) return command !== undefined
    return command.registeredArguments.length > 0 || command.commands.some(one => one.name() === second)
  }
  const code = (text: string) => [...text.matchAll(/^```[\s\S]*?^```|`[^`\n]+`/gm)].join('\n')
  const unknown = (text: string) =>
    commandsIn(text)
      .filter(words => !exists(words))
      .map(words => words.join(' '))
  expect(pages.flatMap(page => unknown(code(textOf(page))))).toEqual([])
  expect(Object.values(ERRORS).flatMap(({ hint }) => unknown(hint))).toEqual([])
  expect(unknown('gmah-backup melt; gmah-backup keys melt; gmah-backup runs')).toEqual(['melt', 'keys melt'])
  expect(program).toBeInstanceOf(Command)
})
