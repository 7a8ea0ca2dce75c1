// The story of one server's snapshot: preflight, adopt what a crash left, settle the disk, ask once, wait, sheet, prune.
import { Failure } from '../domain/errors.js'
import type { RecoverySheet } from '../domain/recovery-sheet.js'
import type { SnapshotFacts } from '../domain/snapshot-events.js'
import type { ServerOrder, SnapshotSettings } from '../domain/snapshot-settings.js'
import type { Hetzner } from '../hetzner/client.js'
import { isOurs, labelOf, type Marks } from '../hetzner/marks.js'
import { requestSnapshot } from '../hetzner/request-snapshot.js'
import type { Server } from '../hetzner/shapes.js'
import { actionEndedIfKnown, imageReady, serverFree } from '../hetzner/wait.js'
import { type Adoption, standsForNow, unfinished } from './adopt-snapshots.js'
import type { JobContext, Parts } from './parts.js'
import { type PruneRules, pruneSnapshots } from './prune-snapshots.js'
import { quiesce } from './quiesce.js'
import { sheetWarnings, type WholeImage, writeSheet } from './recovery-sheet.js'
import { shutDown, withServerBack } from './server-power.js'

export interface SnapshotOrder {
  order: ServerOrder
  settings: Omit<SnapshotSettings, 'servers' | 'keep' | 'minimum'>
  schedule: string
  description: string
  /** Null: nothing is removed afterwards. */
  prune: PruneRules | null
}

export interface SnapshotReport {
  snapshot: SnapshotFacts
  removed: number[]
  /** What a restore of it does not bring back, and what went wrong without harm. */
  warnings: string[]
}

/**
 * Makes one snapshot of one server, or takes over the one that an earlier run asked for and did not finish.
 * @throws Failure hetzner-*, server-unknown, server-locked, server-left-off, snapshot-limit, snapshot-failed; nothing is removed then.
 */
export async function snapshotServer(
  parts: Parts,
  hetzner: Hetzner,
  asked: SnapshotOrder,
  context: JobContext,
): Promise<SnapshotReport> {
  const startedTicks = parts.clock.ticks()
  const server = await hetzner.server(asked.order.server, context.signal)
  const warnings = sheetWarnings(server)
  const found = await withServerBack(
    parts,
    hetzner,
    server,
    context,
    async () =>
      (await adopt(parts, hetzner, server, asked, context)) ??
      (await make(parts, hetzner, server, asked, context)),
  )
  warnings.push(...found.warnings)
  const { sheet, key } = await writeSheet(parts, hetzner, {
    server,
    image: found.image,
    signal: context.signal,
  })
  await protect(hetzner, found.image, asked, context)
  const facts = factsOf(sheet, found, { key, durationMs: Math.round(parts.clock.ticks() - startedTicks) })
  context.emit({ type: 'snapshot-made', facts })
  for (const message of warnings)
    context.emit({ type: 'snapshot-warning', facts: { server: server.name, message } })
  const removed = asked.prune ? await pruneSnapshots(parts, hetzner, server, asked.prune, context) : []
  return { snapshot: facts, removed, warnings }
}

interface Found {
  image: WholeImage
  marks: Marks
  adopted: boolean
  warnings: string[]
}

/** Gives every unfinished snapshot its sheet. @returns the one that stands for this run, if there is one. */
async function adopt(
  parts: Parts,
  hetzner: Hetzner,
  server: Server,
  { schedule, settings }: SnapshotOrder,
  context: JobContext,
): Promise<Found | null> {
  const about: Adoption = { hetzner, server, schedule, deadlineMs: settings.snapshotDeadlineMs }
  let own: Found | null = null
  for (const image of await unfinished(parts, about, context)) {
    const marks = { label: labelOf(image), schedule: image.labels.schedule ?? schedule }
    const found = { image, marks, adopted: true, warnings: [] }
    if (own === null && standsForNow(image, schedule, parts.clock.now())) {
      own = found
      continue
    }
    const { sheet, key } = await writeSheet(parts, hetzner, { server, image, signal: context.signal })
    context.emit({ type: 'snapshot-made', facts: factsOf(sheet, found, { key, durationMs: 0 }) })
  }
  return own
}

async function make(
  parts: Parts,
  hetzner: Hetzner,
  server: Server,
  { order, settings, schedule, description }: SnapshotOrder,
  context: JobContext,
): Promise<Found> {
  const { clock } = parts
  const { signal } = context
  const { lockWaitMs, snapshotDeadlineMs: deadlineMs } = settings
  await preflight(hetzner, server, settings.limit, signal)
  await serverFree(hetzner, server.id, { clock, signal, untilTicks: clock.ticks() + lockWaitMs })
  const warnings = await quiesce(parts, order, signal)
  const stillOn = order.shutdown ? await shutDown(parts, hetzner, server, context) : null
  if (stillOn !== null) warnings.push(stillOn)
  const marks = { label: newLabel(parts, context), schedule }
  const facts = { server: server.name, serverId: server.id, schedule, label: marks.label }
  context.emit({ type: 'snapshot-requested', facts })
  const request = { server, marks, description, protect: settings.protect }
  const asked = await requestSnapshot(hetzner, request, { clock, signal, lockWaitMs, deadlineMs })
  const patience = { clock, signal, untilTicks: clock.ticks() + deadlineMs }
  if (asked.action !== null) await actionEndedIfKnown(hetzner, asked.action, patience)
  const image = await imageReady(hetzner, asked.image, patience)
  return { image, marks, adopted: asked.adopted, warnings }
}

/** Of this request alone: what another try of the same run made must never be taken for it. */
function newLabel({ journal }: Parts, { run }: JobContext): string {
  const before = journal.events({ run }).filter(event => event.type === 'snapshot-requested').length
  return before === 0 ? run : `${run}-${before + 1}`
}

/** Room for one more, and a token that may write: told before the disk is settled and anything is asked for. */
async function preflight(
  hetzner: Hetzner,
  server: Server,
  limit: number,
  signal: AbortSignal,
): Promise<void> {
  const all = await hetzner.snapshots(null, signal)
  if (all.length >= limit) {
    const message = `there are ${all.length} snapshots in the project, and the account may have ${limit}`
    throw new Failure('snapshot-limit', message)
  }
  // Hetzner has no other way to ask: the same description once more changes nothing, and a read-only token is refused.
  const [own] = all.filter(image => isOurs(image, server.id))
  if (own) await hetzner.describeImage(own.id, own.description, signal)
}

async function protect(
  hetzner: Hetzner,
  image: WholeImage,
  { settings }: SnapshotOrder,
  { signal }: JobContext,
): Promise<void> {
  if (settings.protect && !image.protection.delete) await hetzner.protectImage(image.id, true, signal)
}

const factsOf = (
  { server, image, price }: RecoverySheet,
  { marks, adopted }: Found,
  { key, durationMs }: { key: string; durationMs: number },
): SnapshotFacts => ({
  server: server.name,
  serverId: server.id,
  image: image.id,
  label: marks.label,
  schedule: marks.schedule,
  created: image.created,
  sizeGb: image.sizeGb,
  diskGb: image.diskGb,
  costPerMonth: price?.costPerMonth ?? null,
  currency: price?.currency ?? null,
  durationMs,
  adopted,
  sheet: key,
})
