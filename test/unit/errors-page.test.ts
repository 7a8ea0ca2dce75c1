// docs/errors.md, the table and the code say the same: no code is undocumented, unused by accident, or unknown.
// `npm run docs` writes the page.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { errorsPage } from '../../src/cli/errors-page.js'
import { ERRORS, type ErrorCode, EXIT, Failure } from '../../src/domain/errors.js'
import { projectRoot } from '../kit/platform/scripts.js'

const root = projectRoot()
const page = join(root, 'docs/errors.md')
const codes = Object.keys(ERRORS) as ErrorCode[]

const texts = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts') && path !== join('domain', 'errors.ts'))
  .map(path => ({ path, text: readFileSync(join(root, 'src', path), 'utf8') }))

/** As a string literal anywhere in src, or in asFailure itself. */
const used = (code: string, all = texts): boolean =>
  all.some(({ text }) => text.includes(`'${code}'`)) || code === 'unexpected' || code === 'interrupted'

/** What is thrown or promised, whether the table knows it or not. */
function mentioned(text: string): string[] {
  const thrown = [...text.matchAll(/new Failure\(\s*'([^']*)'/g)].map(match => match[1] ?? '')
  const promised = [...text.matchAll(/@throws[^\n]*? Failure ([a-z-]+)/g)].map(match => match[1] ?? '')
  return [...thrown, ...promised.filter(code => /[a-z]-[a-z]/.test(code) && !code.endsWith('-'))]
}

test('docs/errors.md is what the table makes', () => {
  if (process.env.UPDATE_DOCS) writeFileSync(page, errorsPage())
  expect(readFileSync(page, 'utf8')).toBe(errorsPage())
})

test('the page names every code and every exit status', () => {
  for (const code of codes) expect(errorsPage()).toContain(`\n| \`${code}\` | ${ERRORS[code].exit} |`)
  for (const status of Object.values(EXIT)) expect(errorsPage()).toContain(`\n| ${status} | `)
})

test('every code that the sources throw or promise is in the table', () => {
  const unknown = texts.flatMap(({ path, text }) =>
    mentioned(text)
      .filter(code => !codes.includes(code as ErrorCode))
      .map(code => `${path}: ${code}`),
  )
  expect(unknown).toEqual([])
})

test('every code in the table is used', () => {
  expect(codes.filter(code => !used(code))).toEqual([])
})

test('the checks see an offender', () => {
  const text = "throw new Failure(\n  'made-up', 'x')\n/** @throws Failure also-made-up when */"
  expect(mentioned(text)).toEqual(['made-up', 'also-made-up'])
  expect(used('store-full', [{ path: 'x.ts', text: 'throw store-full' }])).toBe(false)
})

test('hints are lowercase advice without a full stop; a failure carries its row', () => {
  for (const code of codes) expect(ERRORS[code].hint).toMatch(/^[^A-Z].*[^.]$/s)
  const failure = new Failure('store-full', 'no room')
  expect(failure).toMatchObject({
    exit: EXIT.store,
    http: 507,
    retryable: false,
    hint: ERRORS['store-full'].hint,
  })
})
