// The labels that make a snapshot ours, and the only question that pruning may ask: is this one ours, whole and unprotected?
import type { Image, Server } from './shapes.js'

const MANAGED_BY = 'managed-by'
const US = 'gmah-backup'
/** Whoever puts this label on a snapshot keeps it for ever, whatever its value. */
const KEEP = 'keep'
/** We protected it ourselves, so we may lift that. */
const PROTECTED_BY = 'protected-by'

/** Of one request: what tells two runs apart at Hetzner. */
export interface Marks {
  label: string
  schedule: string
}

/** Hetzner allows letters, digits, `.`, `_`, `-`, at most 63 of them, and letters or digits at the ends. */
const labelValue = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 63)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '') || 'x'

export function labelsOf(
  server: Server,
  { label, schedule }: Marks,
  protect: boolean,
): Record<string, string> {
  return {
    [MANAGED_BY]: US,
    'server-id': String(server.id),
    'run-id': label,
    schedule: labelValue(schedule),
    ...(protect ? { [PROTECTED_BY]: US } : {}),
  }
}

export const runSelector = (label: string): string => `${MANAGED_BY}=${US},run-id=${label}`
export const serverSelector = (server: number): string => `${MANAGED_BY}=${US},server-id=${server}`

/** Every mark must be there, and what Hetzner itself says of its origin must agree: a copied label is not enough. */
export function isOurs(image: Image, server: number): boolean {
  const { labels, created_from: from, type } = image
  return (
    type === 'snapshot' &&
    labels[MANAGED_BY] === US &&
    labels['server-id'] === String(server) &&
    labels['run-id'] !== undefined &&
    labels.schedule !== undefined &&
    from?.id === server
  )
}

export const isOfSchedule = (image: Image, schedule: string): boolean =>
  image.labels.schedule === labelValue(schedule)

export const labelOf = (image: Image): string => image.labels['run-id'] ?? ''

/** Protected, and not by us. */
export const isHeld = (image: Image): boolean => image.protection.delete && image.labels[PROTECTED_BY] !== US
export const isWanted = (image: Image): boolean => KEEP in image.labels
