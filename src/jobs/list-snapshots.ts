// Every snapshot with its sheet: those that Hetzner has, and sheets whose snapshot is gone. Needs no PostgreSQL and no state.
import { Failure } from '../domain/errors.js'
import type { RecoverySheet } from '../domain/recovery-sheet.js'
import { isHeld, isOurs, isWanted } from '../hetzner/marks.js'
import type { Image } from '../hetzner/shapes.js'
import { listSheets, readSheet, sheetKeyOf } from '../repository/sheets.js'
import type { Parts } from './parts.js'

/** What a person far from the server works with: the store, the keys at hand, the token. */
export interface Outpost extends Pick<Parts, 'clock' | 'hetzner' | 'tool'> {
  repository: Pick<Parts['repository'], 'store' | 'keyring'>
}

export interface SnapshotRow {
  image: number
  server: string
  serverId: number | null
  /** ISO 8601. */
  created: string
  /** `gone`: only its sheet is left; `unasked`: there is no token to ask with. */
  status: Image['status'] | 'gone' | 'unasked'
  sizeGb: number | null
  /** Net, of this one; null when unknown. */
  costPerMonth: number | null
  schedule: string | null
  ours: boolean
  /** It stays whatever the schedule keeps. */
  held: string | null
  sheet: string | null
}

/** Newest first. Foreign snapshots too: they cost the same, and count towards the account's limit. */
export async function listSnapshots(
  { repository, hetzner }: Outpost,
  signal: AbortSignal,
): Promise<SnapshotRow[]> {
  const { store, keyring } = repository
  const keys = new Set(await listSheets(store, null, signal))
  const images = hetzner ? await hetzner.snapshots(null, signal) : []
  const price = hetzner && images.length > 0 ? await hetzner.snapshotPrice(signal) : null
  const rows = images.map(image => rowOf(image, keys, price?.perGbMonth ?? null))
  for (const row of rows) if (row.sheet) keys.delete(row.sheet)
  for (const key of keys)
    rows.push(left(await readSheet(store, keyring, key), key, hetzner ? 'gone' : 'unasked'))
  return rows.sort((a, b) => Date.parse(b.created) - Date.parse(a.created) || b.image - a.image)
}

function rowOf(image: Image, sheets: ReadonlySet<string>, perGbMonth: number | null): SnapshotRow {
  const from = image.created_from
  const key = from && sheetKeyOf(from.name, image.created)
  return {
    image: image.id,
    server: from?.name ?? '',
    serverId: from?.id ?? null,
    created: image.created,
    status: image.status,
    sizeGb: image.image_size,
    costPerMonth: costOf(image.image_size, perGbMonth),
    schedule: image.labels.schedule ?? null,
    ours: from !== null && isOurs(image, from.id),
    held: heldBy(image),
    sheet: key && sheets.has(key) ? key : null,
  }
}

const heldBy = (image: Image): string | null =>
  isHeld(image) ? 'protected' : isWanted(image) ? 'label keep' : null

const costOf = (sizeGb: number | null, perGbMonth: number | null): number | null =>
  sizeGb === null || perGbMonth === null ? null : Number((sizeGb * perGbMonth).toFixed(4))

const left = (
  { image, server, price }: RecoverySheet,
  key: string,
  status: 'gone' | 'unasked',
): SnapshotRow => ({
  image: image.id,
  server: server.name,
  serverId: server.id,
  created: image.created,
  status,
  sizeGb: image.sizeGb,
  costPerMonth: status === 'gone' ? null : (price?.costPerMonth ?? null),
  schedule: image.labels.schedule ?? null,
  ours: true,
  held: null,
  sheet: key,
})

/**
 * The sheet of one snapshot, or with `latest` the newest of all, or of one server.
 * @throws Failure snapshot-unknown; key-wrong, object-corrupt
 */
export async function findSheet(
  { repository: { store, keyring } }: Pick<Outpost, 'repository'>,
  { which, server }: { which: string; server: string | null },
): Promise<RecoverySheet> {
  const sheets: RecoverySheet[] = []
  for (const key of await listSheets(store, server)) sheets.push(await readSheet(store, keyring, key))
  const found =
    which === 'latest'
      ? sheets.sort((a, b) => Date.parse(b.image.created) - Date.parse(a.image.created))[0]
      : sheets.find(one => String(one.image.id) === which)
  if (found) return found
  throw new Failure('snapshot-unknown', `there is no recovery sheet of snapshot ${which} in the store`)
}
