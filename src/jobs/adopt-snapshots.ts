// What earlier runs left at Hetzner without finishing it: found by label, waited for, given its sheet. Nothing is made here.
import { asFailure } from '../domain/errors.js'
import type { Hetzner } from '../hetzner/client.js'
import { isOfSchedule, isOurs, labelOf, serverSelector } from '../hetzner/marks.js'
import { findRequested } from '../hetzner/request-snapshot.js'
import type { Image, Server } from '../hetzner/shapes.js'
import { imageReady } from '../hetzner/wait.js'
import { sheetKeyOf } from '../repository/sheets.js'
import type { JobContext, Parts } from './parts.js'
import type { WholeImage } from './recovery-sheet.js'

/** What was begun longer ago is not waited for. */
const WITHIN_MS = 24 * 3_600_000
const RUNS_LOOKED_AT = 50

export interface Adoption {
  hetzner: Hetzner
  server: Server
  schedule: string
  deadlineMs: number
}

/** Every whole snapshot of ours whose run did not get to its end, newest first: it died or failed after asking. */
export async function unfinished(parts: Parts, about: Adoption, context: JobContext): Promise<WholeImage[]> {
  const { hetzner, server } = about
  await waitForRequests(parts, about, context)
  const images = await hetzner.snapshots(serverSelector(server.id), context.signal)
  const cutShort = madeByFailed(parts, context)
  const found: WholeImage[] = []
  for (const image of images.filter(one => isOurs(one, server.id))) {
    const hasSheet = await parts.repository.store.head(sheetKeyOf(server.name, image.created))
    if (hasSheet && !cutShort.has(labelOf(image))) continue
    const whole = await whenWhole(parts, about, image, context)
    if (whole) found.push(whole)
  }
  return found.sort((a, b) => Date.parse(b.created) - Date.parse(a.created))
}

/** The one that stands for this run: the request of the run before it, cut short, asked for the same. */
export const standsForNow = (image: Image, schedule: string, now: Date): boolean =>
  isOfSchedule(image, schedule) && now.getTime() - Date.parse(image.created) < WITHIN_MS

/** Whole, with their sheets, but their run failed later, in pruning: a second snapshot is not what it needs. */
function madeByFailed({ clock, journal }: Parts, context: JobContext): Set<string> {
  const since = clock.now().getTime() - WITHIN_MS
  const runs = journal
    .runs({ limit: RUNS_LOOKED_AT })
    .filter(run => run.startedAt.getTime() > since && !['succeeded', 'partial'].includes(run.outcome))
  const ids = new Set([context.run, ...runs.map(run => run.id)])
  const events = [...ids].flatMap(run => journal.events({ run }))
  return new Set(events.flatMap(one => (one.type === 'snapshot-made' ? [one.facts.label] : [])))
}

/** Requests that the journal knows of, and whose end it does not: an image may be slow to appear. */
async function waitForRequests(parts: Parts, about: Adoption, context: JobContext): Promise<void> {
  const { clock, journal } = parts
  const { hetzner, server, deadlineMs } = about
  const since = clock.now().getTime() - WITHIN_MS
  const runs = journal.runs({ limit: RUNS_LOOKED_AT }).filter(run => run.startedAt.getTime() > since)
  for (const run of runs) {
    const events = journal.events({ run: run.id })
    const ended = events.flatMap(one =>
      one.type === 'snapshot-made' || one.type === 'snapshot-abandoned' ? [one.facts.label] : [],
    )
    for (const event of events) {
      if (event.type !== 'snapshot-requested' || event.facts.serverId !== server.id) continue
      const { label } = event.facts
      if (ended.includes(label)) continue
      const asked = { label, sinceMs: Date.parse(event.at) }
      const image = await findRequested(hetzner, server.id, asked, {
        clock,
        signal: context.signal,
        deadlineMs,
      })
      if (image === null)
        context.emit({
          type: 'snapshot-abandoned',
          facts: { server: server.name, serverId: server.id, label },
        })
    }
  }
}

/** Null, and told, when it never became whole: that is the earlier run's failure, not this one's. */
async function whenWhole(
  parts: Parts,
  about: Adoption,
  image: Image,
  context: JobContext,
): Promise<WholeImage | null> {
  const { clock } = parts
  const young = clock.now().getTime() - Date.parse(image.created) < WITHIN_MS
  const patience = {
    clock,
    signal: context.signal,
    untilTicks: clock.ticks() + (young ? about.deadlineMs : 0),
  }
  try {
    return await imageReady(about.hetzner, image.id, patience)
  } catch (thrown) {
    const { code, message } = asFailure(thrown)
    if (code !== 'snapshot-failed') throw thrown
    context.emit({ type: 'snapshot-warning', facts: { server: about.server.name, message } })
    return null
  }
}
