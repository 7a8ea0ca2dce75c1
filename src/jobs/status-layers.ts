// The layers below the nightly dumps, as this machine's journal tells them: the newest snapshot of each server, the newest
// month of archives, when the next ones are made, and why none are. Nothing is asked of a provider for a status page.
import { monthlyCost } from '../domain/alerts.js'
import type { JobName } from '../domain/schedule.js'
import type { SnapshotFacts } from '../domain/snapshot-events.js'
import { GLOBALS, type SubjectId } from '../domain/subject.js'
import { newestSnapshots } from './newest-snapshots.js'
import type { Parts } from './parts.js'
import type { ScheduleStatus } from './scheduler.js'
import type { SubjectFacts } from './status-judgement.js'

interface Layer {
  /** Why nothing is made by itself; null: it is. */
  off: string | null
  next: Date | null
}

export interface SnapshotLayer extends Layer {
  /** By server's name. */
  servers: SnapshotFacts[]
}

export interface ArchiveLayer extends Layer {
  /** Null: this machine has made none. */
  newest: {
    /** 2026-10 */
    month: string
    /** When the last of that month was stored. */
    at: Date
    subjects: number
    bytes: number
    /** Files that were listed and are in none of them. */
    missingFiles: number
    costPerMonth: number
    currency: string
  } | null
  /** Who had a backup when that month was archived, and has no archive of it. Nobody where the layer is off. */
  without: SubjectId[]
}

/** Runs that are looked at: a month that was tried again, and archives made by hand. */
const RUNS_LOOKED_AT = { 'archive-tenants': 6, archive: 50 } as const

type Known = Pick<Parts, 'hetzner' | 'journal' | 'config'>

export function snapshotLayer(parts: Known, statuses: readonly ScheduleStatus[]): SnapshotLayer {
  const off = parts.hetzner
    ? null
    : 'no hetzner.token_file in the configuration; right for a VPS that is not at Hetzner'
  const timing = timingOf('snapshot-servers', statuses)
  return { ...timing, off: off ?? timing.off, servers: newestSnapshots(parts) }
}

export function archiveLayer(
  parts: Known,
  statuses: readonly ScheduleStatus[],
  subjects: readonly Pick<SubjectFacts, 'subject' | 'living' | 'firstMs'>[],
): ArchiveLayer {
  const timing = timingOf('archive-tenants', statuses)
  const newest = newestArchives(parts)
  const month = [...newest.values()].map(monthOf).sort().at(-1)
  if (month === undefined) return { ...timing, newest: null, without: [] }
  const made = [...newest.values()].filter(one => monthOf(one) === month)
  const sum = (of: (one: Stored) => number): number => made.reduce((total, one) => total + of(one), 0)
  const at = new Date(Math.max(...made.map(one => Date.parse(one.at))))
  const price = parts.config.alerts.digest
  const bytes = sum(one => one.storedBytes)
  const had = new Set(made.map(one => one.subject))
  const expected = timing.off === null ? subjects : []
  return {
    ...timing,
    newest: {
      ...{
        month,
        at,
        bytes,
        currency: price.currency,
        subjects: made.length,
        missingFiles: sum(one => one.missing),
      },
      costPerMonth: monthlyCost(bytes, price),
    },
    without: expected
      .filter(
        ({ subject, living, firstMs }) =>
          !had.has(subject) && living !== false && isDue(subject, firstMs, at),
      )
      .map(one => one.subject),
  }
}

/** Roles are in the archive of each tenant, and get none of their own. */
const isDue = (subject: SubjectId, firstMs: number | null, at: Date): boolean =>
  subject !== GLOBALS && firstMs !== null && firstMs < at.getTime()

function timingOf(job: JobName, statuses: readonly ScheduleStatus[]): Layer {
  const own = statuses.filter(one => one.schedule.job === job)
  const coming = own.flatMap(one => one.next ?? []).sort((a, b) => a.getTime() - b.getTime())
  const paused = own.length > 0 && own.every(one => one.paused)
  const off =
    own.length === 0
      ? `no schedule has \`job: ${job}\``
      : paused
        ? `paused: \`gmah-backup schedules resume ${own[0]?.schedule.name}\``
        : null
  return { off, next: coming[0] ?? null }
}

interface Stored {
  subject: SubjectId
  archive: string
  at: string
  storedBytes: number
  missing: number
}

const monthOf = ({ archive }: Stored): string => archive.slice(0, 'yyyy-mm'.length)

function newestArchives({ journal }: Pick<Parts, 'journal'>): Map<SubjectId, Stored> {
  const newest = new Map<SubjectId, Stored>()
  for (const [job, limit] of Object.entries(RUNS_LOOKED_AT)) {
    for (const { id } of journal.runs({ job, limit })) {
      for (const { type, subject, at, facts } of journal.events({
        run: id,
        types: ['archive-stored'],
        limit: 100_000,
      })) {
        if (type !== 'archive-stored' || subject === null) continue
        const known = newest.get(subject)
        const { archive, storedBytes, missing } = facts
        if (!known || known.archive < archive)
          newest.set(subject, { subject, archive, at, storedBytes, missing })
      }
    }
  }
  return newest
}
