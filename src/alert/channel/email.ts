// Mail by SMTP: text and HTML, threaded by incident. What the server says decides who is to blame when it is not taken.
import { readFileSync } from 'node:fs'
import nodemailer from 'nodemailer'
import type { EmailChannel } from '../../domain/alerts.js'
import { redactText } from '../../domain/redact.js'
import { letterHtml } from '../render/html.js'
import { letterText } from '../render/text.js'
import type { Words } from '../words/words.js'
import { type Channel, type Parcel, Undelivered } from './channel.js'

export interface EmailOptions {
  words: Words
  /** Part of each Message-ID: which installation it is of. */
  installation: string
  /** For connecting, and for each answer. Shorter than the outbox's claim. */
  timeoutMs: number
}

export function openEmail(config: EmailChannel, { words, installation, timeoutMs }: EmailOptions): Channel {
  const transport = () => nodemailer.createTransport(transportOf(config, timeoutMs))
  const domain = config.from.replace(/^.*@/, '').replace(/[^A-Za-z0-9.-]/g, '') || 'localhost'
  const place = installation.replace(/[^A-Za-z0-9-]/g, '-')
  const id = (local: string): string => `<gmah-backup.${place}.${local}@${domain}>`
  const use = async (work: (mailer: ReturnType<typeof transport>) => Promise<unknown>): Promise<void> => {
    // A connection a message: a pool would keep one open for days on a server that wants it closed.
    let mailer: ReturnType<typeof transport> | undefined
    try {
      mailer = transport()
      await work(mailer)
    } catch (thrown) {
      throw explain(thrown, config)
    } finally {
      mailer?.close()
    }
  }
  return {
    name: config.name,
    send: ({ letter, number }: Parcel) =>
      use(async mailer => {
        const root = letter.incident === null ? null : id(`incident-${letter.incident}`)
        const message = {
          from: config.from,
          to: [...config.to],
          subject: letter.title,
          messageId: id(`message-${number}`),
          // The root is no message that was sent: clients thread by it all the same, whichever message came first.
          ...(root ? { references: [root], inReplyTo: root } : {}),
          headers: {
            'Auto-Submitted': 'auto-generated',
            'X-Gmah-Backup-Incident': letter.incident ?? 'none',
            ...(letter.severity === 'critical' ? { Importance: 'high', 'X-Priority': '1' } : {}),
          },
          text: letterText(letter, words),
          html: letterHtml(letter, words),
          disableFileAccess: true,
          disableUrlAccess: true,
        }
        const { rejected } = await mailer.sendMail(message)
        if (rejected.length > 0) throw partlyRefused(rejected.map(String))
      }),
    probe: () => use(mailer => mailer.verify()),
    close: () => {},
  }
}

function transportOf(config: EmailChannel, timeoutMs: number) {
  const { host, port, tls, caFile, user, password } = config
  return {
    host,
    port,
    secure: tls === 'tls',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(user !== null ? { auth: { user, pass: password ?? '' } } : {}),
    tls: { minVersion: 'TLSv1.2' as const, ...(caFile === null ? {} : { ca: readFileSync(caFile) }) },
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
  }
}

/** Some addresses took it: sending it again would flood those. It is told, and counts as delivered to the others. */
function partlyRefused(rejected: string[]): Undelivered {
  return new Undelivered('message', `refused for ${rejected.join(', ')}`, {
    hint: 'correct or remove the address in alerts.channels',
  })
}

/** Node's names for a certificate that cannot be trusted. */
const CERTIFICATE =
  /^(ERR_TLS_|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|HOSTNAME_MISMATCH|ERR_SSL)/

function explain(thrown: unknown, { name, host, port }: EmailChannel): Undelivered {
  if (thrown instanceof Undelivered) return thrown
  // nodemailer puts a code of its own over the system's, and keeps that one.
  const error = thrown as { code?: string; originalCode?: string; responseCode?: number; message?: string }
  const said = redactText(error.message ?? String(thrown))
    .replace(/\s+/g, ' ')
    .slice(0, 300)
  const make = (blame: Undelivered['blame'], hint: string) =>
    new Undelivered(blame, `${host}:${port}: ${said}`, { hint, cause: thrown })
  const code = error.originalCode ?? error.code ?? ''
  const status = error.responseCode ?? 0
  if (CERTIFICATE.test(code)) {
    return make('channel', `check the server's certificate, or name its authority with ca_file in ${name}`)
  }
  if (error.code === 'ENOENT' || error.code === 'EACCES') return make('channel', `check ca_file in ${name}`)
  if (error.code === 'EAUTH' && (status === 0 || status >= 500)) {
    return make('channel', `check user and password_file in ${name}`)
  }
  if (error.code === 'ETLS')
    return make('channel', `check tls and port in ${name}: the server offers no such TLS`)
  if (status === 552 || status === 554) return make('message', 'see what the server said')
  if (status >= 500) return make('channel', `check from and to in ${name}, and what the server said`)
  return make('transient', 'wait: it is tried again; check the mail server if it lasts')
}
