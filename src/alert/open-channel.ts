// From a channel's configuration to the channel.
import type { ChannelConfig, Language } from '../domain/alerts.js'
import type { Channel } from './channel/channel.js'
import { openEmail } from './channel/email.js'
import { openSlack } from './channel/slack.js'
import { WORDS } from './words/write-letter.js'

/** For connecting and for each answer; an attempt to send has a few of them, well inside the outbox's claim. */
const TIMEOUT_MS = 20_000

/** Opens nothing yet: a channel connects when it sends. */
export function openChannel(
  config: ChannelConfig,
  {
    language,
    installation,
    timeoutMs = TIMEOUT_MS,
  }: { language: Language; installation: string; timeoutMs?: number },
): Channel {
  const words = WORDS[language]
  switch (config.type) {
    case 'email':
      return openEmail(config, { words, installation, timeoutMs })
    case 'slack':
      return openSlack(config, { words, timeoutMs })
    default:
      return config satisfies never
  }
}
