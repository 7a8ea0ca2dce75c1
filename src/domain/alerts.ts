// Who is told what, how, and when: the alerts' part of the configuration, and what an operator sees of an incident.
import type { RunId } from './ids.js'
import type { SubjectId } from './subject.js'

/** From "good to know" to "get up". The order counts. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

export const LANGUAGES = ['en', 'fr'] as const
export type Language = (typeof LANGUAGES)[number]

export const SMTP_TLS = ['tls', 'starttls', 'none'] as const
export const HEARTBEAT_STYLES = ['healthchecks', 'betterstack', 'plain'] as const

interface AnyChannel {
  name: string
  /** Told of this and of what is worse. */
  severity: Severity
  /** Told of these tenants alone; null: of everything. */
  tenants: readonly string[] | null
}

export interface EmailChannel extends AnyChannel {
  type: 'email'
  host: string
  port: number
  /** `starttls` demands it: a server that does not offer it is refused. */
  tls: (typeof SMTP_TLS)[number]
  /** Absolute path of the authority's certificate; null: the system's. */
  caFile: string | null
  user: string | null
  password: string | null
  from: string
  to: readonly string[]
}

export interface SlackChannel extends AnyChannel {
  type: 'slack'
  /** A secret: who knows it can post. */
  webhookUrl: string
}

export type ChannelConfig = EmailChannel | SlackChannel

export interface HeartbeatConfig {
  name: string
  /** A secret: who knows it can claim that all is well. */
  url: string
  /** How start and failure are said: by a path behind the URL, or not at all. */
  style: (typeof HEARTBEAT_STYLES)[number]
  everyMs: number
}

export interface QuietHours {
  /** Minutes since midnight on the zone's wall clock; `from` may be later than `to`. */
  from: number
  to: number
  timeZone: string
}

export interface AlertsConfig {
  /** How this installation is called in messages; null: as its machine is. */
  name: string | null
  language: Language
  /** In front of a run's id, it is a page that shows the run; null: there is none. */
  runLink: string | null
  channels: readonly ChannelConfig[]
  quietHours: QuietHours | null
  /** How often an open incident is told again. */
  reminderMs: Record<'warning' | 'critical', number>
  /** How long what begins at the same time is gathered into one message. */
  gatherMs: number
  /** Free space below which the disk counts as about to run out. */
  diskFreeBytes: number
  /** Tokens and certificates that end on a day. */
  expiries: readonly { what: string; on: Date }[]
  heartbeats: readonly HeartbeatConfig[]
  digest: StoragePrice
}

export interface StoragePrice {
  pricePerGbMonth: number
  currency: string
}

/** What keeping so many bytes costs a month, in the price's currency. Providers' gigabytes have 10^9. */
export const monthlyCost = (bytes: number, { pricePerGbMonth }: StoragePrice): number =>
  (bytes / 1e9) * pricePerGbMonth

/** One thing, or one subject, that an incident is about. */
export interface IncidentMember {
  /** A subject, a schedule, a channel; unique within its rule, unless it is one of things that happen and do not last. */
  scope: string
  subject: SubjectId | null
  /** ISO 8601, as are all instants here. */
  since: string
  endedAt: string | null
  detail: string
  hint: string
}

/** One thing that is wrong, from the moment it was seen until it is over; many subjects with one cause are one incident. */
export interface Incident {
  id: string
  rule: string
  cause: string
  severity: Severity
  /** Something that happened, rather than something that lasts: told once, and over. */
  momentary: boolean
  members: IncidentMember[]
  run: RunId | null
  openedAt: string
  closedAt: string | null
  /** When it was told first and last; null while it was not. */
  toldAt: string | null
  lastToldAt: string | null
  /** How many members the last message named. */
  toldMembers: number
  toldSeverity: Severity | null
  acked: { by: string; at: string } | null
}

export interface Mute {
  id: string
  /** An incident's id, or a rule's name. */
  target: string
  until: string
  why: string
  by: string
}

export interface ChannelReport {
  channel: string
  sent: boolean
  problem: string | null
  hint: string | null
}

/** What the command line can ask of the alerts. */
export interface AlertDesk {
  list(filter: { closed: boolean }): { incidents: (Incident & { title: string })[]; mutes: Mute[] }
  /** @throws Failure incident-unknown, usage when the beginning fits several. */
  ack(idBeginning: string, by: string): Incident
  /** @throws Failure incident-unknown when it is neither an incident nor a rule. */
  mute(target: string, mute: { until: Date; why: string; by: string }): Mute
  /** A test message through the real path, to one channel or all. @throws Failure usage when there is none such. */
  test(channel: string | undefined): Promise<ChannelReport[]>
}
