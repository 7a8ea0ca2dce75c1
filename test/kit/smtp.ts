// A real SMTP server with TLS and a password, that keeps what it took, and on command refuses, hangs, drops or grey-lists.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import type { EmailChannel } from '../../src/domain/alerts.js'
import { selfSigned } from './certificate.js'

export type SmtpFault =
  /** Answers RCPT with this status. */
  | { refuse: number }
  /** Answers the end of DATA with this status. */
  | { refuseData: number }
  /** Never answers MAIL FROM. */
  | { hang: true }
  /** Keeps the message, then cuts the connection instead of saying so. */
  | { dropAfterData: true }
  /** Keeps the message, does this, and never answers. */
  | { afterData: () => void }
  /** Refuses each recipient for now, so many times. */
  | { greylist: number }

export interface MailServer {
  mails: ParsedMail[]
  /** A channel's configuration that this server accepts. */
  channel(name?: string, more?: Partial<EmailChannel>): EmailChannel
  fault(fault: SmtpFault | null): void
  stop(): Promise<void>
  /** Listens again on the same port. */
  start(): Promise<void>
}

const USER = 'backup@example.com'
export const PASSWORD = 'correct horse'

/** `names`: what the certificate says the server is called. `wrapped`: TLS from the first byte on. */
export async function startMailServer({
  names = 'IP:127.0.0.1,DNS:localhost',
  wrapped = false,
} = {}): Promise<MailServer> {
  const folder = mkdtempSync(join(tmpdir(), 'gmah-smtp-'))
  const { keyFile, certificateFile: certFile } = selfSigned(folder, names)
  const [key, cert] = [readFileSync(keyFile), readFileSync(certFile)]
  const mails: ParsedMail[] = []
  const state: { fault: SmtpFault | null; port: number; server: SMTPServer | null } = {
    fault: null,
    port: 0,
    server: null,
  }
  const refusal = (status: number, text: string) => Object.assign(new Error(text), { responseCode: status })
  const start = async () => {
    // The channels read it; where the server has stopped, nothing of it is left.
    mkdirSync(folder, { recursive: true })
    writeFileSync(certFile, cert)
    const server = new SMTPServer({
      ...{ key, cert },
      authMethods: ['PLAIN', 'LOGIN'],
      closeTimeout: 100,
      secure: wrapped,
      onAuth: ({ username, password }, _session, done) =>
        username === USER && password === PASSWORD
          ? done(null, { user: username })
          : done(refusal(535, 'Invalid username or password')),
      onMailFrom: (_address, _session, done) => {
        if (!(state.fault && 'hang' in state.fault)) done()
      },
      onRcptTo: (_address, _session, done) => {
        const { fault } = state
        if (fault && 'refuse' in fault) return done(refusal(fault.refuse, 'no such mailbox'))
        if (fault && 'greylist' in fault && fault.greylist-- > 0)
          return done(refusal(451, 'greylisted, come back'))
        done()
      },
      onData: async (stream, session, done) => {
        const parts: Buffer[] = []
        for await (const part of stream) parts.push(part as Buffer)
        const { fault } = state
        if (fault && 'refuseData' in fault) return done(refusal(fault.refuseData, 'not this one'))
        mails.push(await simpleParser(Buffer.concat(parts)))
        if (fault && 'afterData' in fault) return fault.afterData()
        if (!(fault && 'dropAfterData' in fault)) return done()
        const connections = (
          server as unknown as { connections: Set<{ id: string; _socket: { destroy(): void } }> }
        ).connections
        for (const one of connections) if (one.id === session.id) one._socket.destroy()
      },
    })
    server.on('error', () => {})
    await new Promise<void>(resolve => server.listen(state.port, '127.0.0.1', resolve))
    state.port = (server.server.address() as AddressInfo).port
    state.server = server
  }
  await start()
  return {
    mails,
    channel: (name = 'mail', more = {}) => ({
      ...{ name, type: 'email', severity: 'info', tenants: null, tls: 'starttls', caFile: certFile },
      ...{ host: '127.0.0.1', port: state.port, user: USER, password: PASSWORD },
      ...{ from: 'gmah-backup <backup@example.com>', to: ['ops@example.com'], ...more },
    }),
    fault: fault => {
      state.fault = fault
    },
    start,
    stop: async () => {
      const { server } = state
      if (server) await new Promise<void>(resolve => server.close(resolve))
      state.server = null
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
