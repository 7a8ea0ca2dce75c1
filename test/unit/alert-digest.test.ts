// The weekly digest and the two languages: figures that add up, nights in their places, every rule said in each language.
import { describe, expect, onTestFinished, test } from 'vitest'
import { letterHtml } from '../../src/alert/render/html.js'
import { slackMessage } from '../../src/alert/render/slack.js'
import { letterText } from '../../src/alert/render/text.js'
import { RULES, type RuleId } from '../../src/alert/rules/rule-table.js'
import { ENGLISH } from '../../src/alert/words/english.js'
import { FRENCH } from '../../src/alert/words/french.js'
import { alertBench, DAY_MS, HOUR_MS, tenant } from '../kit/alerting.js'
import { type SlackServer, startSlack } from '../kit/slack.js'

async function slackServer(): Promise<SlackServer> {
  const slack = await startSlack()
  onTestFinished(() => slack.stop())
  return slack
}

describe('the digest', () => {
  test('says who is protected, what it costs and what a human must do, with a cell a night', async () => {
    const slack = await slackServer()
    const bench = alertBench([slack.channel(), slack.channel('one', { tenants: ['acme'] })])
    for (let night = 0; night < 40; night++) {
      bench.night(
        night % 10 === 9 ? { beta: 'lock-timeout' } : {},
        night % 10 === 9 ? ['acme'] : ['acme', 'beta'],
      )
      await bench.alerting.tick()
      bench.clock.pass(DAY_MS)
    }
    bench.event({
      type: 'proof-failed',
      subject: tenant('acme'),
      facts: { backup: 'b1b1b1b1b1b1' as never, differences: ['x'] },
    })
    bench.clock.pass(5 * HOUR_MS)
    expect(await bench.alerting.digest({ storedBytes: 200e9, deletions: ['acme: 3'] })).toBe(1)
    const [digest] = bench.outbox.claim('slack', { limit: 9 }).filter(one => one.kind === 'digest')
    const letter = digest?.letter
    if (!letter) throw new Error('there is a digest')
    const facts = Object.fromEntries(letter.facts)
    expect(facts).toMatchObject({
      protected: '0 of 2',
      'test restores': '0 passed, 1 failed',
      'storage cost a month': '3.00 USD',
      'deleted next': 'acme: 3',
    })
    const beta = letter.table?.rows.find(row => row[0]?.text === 'beta') ?? []
    const nights = beta.filter(cell => cell.tone !== undefined)
    expect(nights).toHaveLength(30)
    expect(nights.filter(cell => cell.tone === 'bad')).toHaveLength(3)
    const html = letterHtml(letter, ENGLISH)
    expect(html.match(/bgcolor=/g)).toHaveLength(60)
    expect(html).not.toMatch(/<(script|img|style|link)|class=/)
    expect(letterText(letter, ENGLISH)).toMatch(/beta +[+X.]{30} +2026-12-31/)
    expect(JSON.stringify(slackMessage(letter, ENGLISH))).toMatch(/beta +[■✗·]{30}/)
  })

  test('of five hundred tenants is still a mail, the worst first', async () => {
    const slack = await slackServer()
    const bench = alertBench([slack.channel()])
    bench.night(
      {},
      Array.from({ length: 500 }, (_, at) => `tenant-${at}`),
    )
    await bench.alerting.digest({ storedBytes: 0, deletions: null })
    const [digest] = bench.outbox.claim('slack', { limit: 1 })
    if (!digest) throw new Error('there is a digest')
    expect(digest.letter.table?.rows).toHaveLength(100)
    expect(digest.letter.more).toContain('400')
    expect(letterHtml(digest.letter, ENGLISH).length).toBeLessThan(1_000_000)
    const [attachment] = slackMessage(digest.letter, ENGLISH).attachments ?? []
    for (const { text } of (attachment?.blocks ?? []) as { text?: { text: string } }[]) {
      expect(text?.text.length ?? 0).toBeLessThanOrEqual(3000)
    }
  })
})

describe('the words', () => {
  const rules = Object.keys(RULES) as RuleId[]
  test.each(rules)('of %s are whole in both languages, and tell the same commands', rule => {
    for (const { title, meaning, next } of [ENGLISH.rules[rule], FRENCH.rules[rule]]) {
      expect(title).not.toBe('')
      expect(meaning).toMatch(/[.?!]$/)
      expect(next.length).toBeGreaterThan(0)
    }
    const commands = (next: string[]) => next.filter(one => one.startsWith('gmah-backup'))
    expect(commands(FRENCH.rules[rule].next)).toEqual(commands(ENGLISH.rules[rule].next))
    expect(FRENCH.rules[rule].title).not.toBe(ENGLISH.rules[rule].title)
  })

  test('are in French when asked', async () => {
    const slack = await slackServer()
    const bench = alertBench([slack.channel()], { language: 'fr' })
    bench.night({ acme: 'lock-timeout' })
    await bench.alerting.tick()
    expect(slack.posts.map(one => one.text)).toEqual(['[test] attention : sauvegarde échouée : acme'])
  })
})
