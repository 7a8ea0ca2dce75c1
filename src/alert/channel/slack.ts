// Slack by an incoming webhook. Its answers are few words; each has one meaning.
import { IncomingWebhook, type IncomingWebhookSendArguments } from '@slack/webhook'
import type { SlackChannel } from '../../domain/alerts.js'
import { type SlackMessage, slackMessage, slackPlain } from '../render/slack.js'
import { letterText } from '../render/text.js'
import type { Words } from '../words/words.js'
import { type Channel, Undelivered } from './channel.js'

export interface SlackOptions {
  words: Words
  /** For each request. Shorter than the outbox's claim. */
  timeoutMs: number
  fetch?: (url: string | URL | Request, init?: RequestInit) => Promise<Response>
}

export function openSlack(
  config: SlackChannel,
  { words, timeoutMs, fetch = globalThis.fetch }: SlackOptions,
): Channel {
  // The library forgets Retry-After; it is read as the answer passes.
  let retryAfter: string | null = null
  const listening: typeof fetch = async (url, init) => {
    const response = await fetch(url, init)
    retryAfter = response.headers.get('retry-after')
    return response
  }
  const post = async (message: SlackMessage): Promise<void> => {
    retryAfter = null
    try {
      await new IncomingWebhook(config.webhookUrl, { timeout: timeoutMs, fetch: listening }).send(
        message as unknown as IncomingWebhookSendArguments,
      )
    } catch (thrown) {
      throw explain(thrown, config, retryAfter)
    }
  }
  return {
    name: config.name,
    send: async ({ letter }) => {
      try {
        await post(slackMessage(letter, words))
      } catch (thrown) {
        if (!(thrown instanceof Undelivered) || thrown.blame !== 'message') throw thrown
        // The blocks displease it; the words must arrive all the same.
        await post(slackPlain(`${letter.title}\n${letterText(letter, words)}`))
      }
    },
    probe: async () => {
      try {
        // A webhook that lives says that a message without text is none; nothing is posted.
        await post({ text: '' })
      } catch (thrown) {
        if (!(thrown instanceof Undelivered) || thrown.blame !== 'message') throw thrown
      }
    },
    close: () => {},
  }
}

/** What Slack says when the webhook, not the message, is wrong. */
const GONE =
  /^(no_service|no_service_id|no_team|team_disabled|invalid_token|channel_not_found|channel_is_archived|action_prohibited|posting_to_general_channel_denied|no_active_hooks)/

function explain(thrown: unknown, { name }: SlackChannel, retryAfter: string | null): Undelivered {
  const { statusCode, body, original, message } = thrown as {
    statusCode?: number
    body?: string
    original?: Error & { cause?: { code?: string } }
    message?: string
  }
  // Neither the URL nor anything that could hold it is repeated.
  const said = (body ?? '').replace(/\s+/g, ' ').slice(0, 120)
  if (statusCode === undefined) {
    const why = original?.cause?.code ?? original?.name ?? message ?? 'no answer'
    return new Undelivered('transient', `Slack did not answer (${why})`, {
      hint: 'wait: it is tried again; check the network if it lasts',
      cause: thrown,
    })
  }
  const what = `Slack answered ${statusCode}${said ? ` ${said}` : ''}`
  if (statusCode === 429 || statusCode >= 500) {
    const seconds = Number(retryAfter)
    const waitMs = retryAfter !== null && seconds > 0 ? Math.min(seconds, 3600) * 1000 : null
    return new Undelivered('transient', what, { hint: 'wait: it is tried again', waitMs })
  }
  if (statusCode === 400 && !GONE.test(said)) {
    return new Undelivered('message', what, { hint: 'report this: the message was not made right' })
  }
  return new Undelivered('channel', what, {
    hint: `make a new webhook and put it into webhook_url_file of ${name}`,
  })
}
