// Every rule there is: how grave it is, whether it lasts, and whether it may flicker.
import type { Severity } from '../../domain/alerts.js'

interface RuleFacts {
  severity: Severity
  /** Something that happened (told once) rather than something that lasts (told until it is over). */
  momentary: boolean
  /** It comes and goes by itself: it must stay away for a while before it counts as over. */
  flickers: boolean
}

const lasting = (severity: Severity): RuleFacts => ({ severity, momentary: false, flickers: false })
const flickering = (severity: Severity): RuleFacts => ({ severity, momentary: false, flickers: true })
const momentary = (severity: Severity): RuleFacts => ({ severity, momentary: true, flickers: false })

export const RULES = {
  'backup-failed': lasting('warning'),
  'backup-late': lasting('critical'),
  'backup-shrunk': lasting('warning'),
  'job-failed': lasting('warning'),
  'job-partial': lasting('warning'),
  'job-late': lasting('critical'),
  'run-missed': momentary('warning'),
  'run-cancelled': momentary('info'),
  'discovery-problem': lasting('warning'),
  drift: lasting('warning'),
  'schemas-left': lasting('warning'),
  'objects-damaged': lasting('critical'),
  'backups-vanished': momentary('critical'),
  'check-problem': lasting('critical'),
  'check-failed': lasting('warning'),
  'proof-failed': lasting('critical'),
  'proof-old': lasting('warning'),
  'proof-impossible': lasting('warning'),
  'drill-failed': lasting('warning'),
  'snapshot-failed': lasting('warning'),
  'snapshot-warning': momentary('warning'),
  'server-left-off': lasting('critical'),
  'archive-failed': lasting('warning'),
  'archive-incomplete': momentary('warning'),
  'archive-damaged': lasting('critical'),
  'archive-unproven': lasting('warning'),
  'retention-blocked': lasting('warning'),
  'sweep-failed': lasting('warning'),
  'subject-departed': lasting('info'),
  'restore-started': momentary('info'),
  'restore-finished': momentary('info'),
  'restore-failed': momentary('critical'),
  'backup-passed-over': momentary('warning'),
  'swap-finished': momentary('info'),
  'restore-undone': momentary('info'),
  'swap-repaired': momentary('warning'),
  'playbook-notice': momentary('info'),
  'restore-waiting': momentary('critical'),
  'playbook-waiting': momentary('critical'),
  'config-refused': lasting('warning'),
  'lease-taken-over': momentary('warning'),
  'lease-lost': momentary('critical'),
  'daemon-crashed': momentary('warning'),
  'keys-changed': momentary('info'),
  'key-only-here': lasting('critical'),
  'store-unreachable': flickering('critical'),
  'disk-low': flickering('critical'),
  'expiry-near': lasting('warning'),
  'clock-jumped': momentary('warning'),
  'clock-skewed': flickering('warning'),
  'alerts-broken': momentary('critical'),
  'heartbeat-failing': flickering('warning'),
  'channel-failing': flickering('warning'),
} as const satisfies Record<string, RuleFacts>

export type RuleId = keyof typeof RULES

export const isRule = (name: string): name is RuleId => name in RULES
