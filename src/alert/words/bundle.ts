// Many messages as one, for a channel that comes back after a while: nothing lost, nothing flooded.
import { type Language, SEVERITIES } from '../../domain/alerts.js'
import type { Letter } from '../letter.js'
import { instant, WORDS } from './write-letter.js'

interface Waiting {
  letter: Letter
  createdAt: string
}

/** One letter that says what each would have said, in their order. */
export function bundle(messages: readonly Waiting[], language: Language, installation: string): Letter {
  const words = WORDS[language]
  const severity =
    SEVERITIES.findLast(one => messages.some(({ letter }) => letter.severity === one)) ?? 'info'
  const title = words.bundle.title(messages.length)
  return {
    incident: null,
    kind: 'bundle',
    severity,
    title: `[${installation}] ${words.severities[severity]}${words.colon} ${title}`,
    thread: title,
    facts: [],
    lines: messages.map(({ letter, createdAt }) => ({
      name: instant(createdAt),
      text: `${letter.title}${letter.incident === null ? '' : ` (${letter.incident})`}`,
      hint: [...letter.lines.map(({ name, text }) => `${name}: ${text}`), ...letter.next]
        .slice(0, 4)
        .join(' · '),
    })),
    more: '',
    meaning: words.bundle.meaning,
    next: ['gmah-backup alert list'],
    link: null,
    footer: words.test.footer(installation),
  }
}
