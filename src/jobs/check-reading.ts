// Which chunks a check reads back: all, a random share, or tonight's slice of a rotation, never beyond the run's budget of bytes.
import type { ReadMode } from '../domain/read-mode.js'
import type { SubjectId } from '../domain/subject.js'
import type { Inventory } from '../repository/inventory.js'
import {
  advance,
  CIRCLE,
  inSlice,
  type Lap,
  newLap,
  nextSlice,
  placeOnCircle,
} from '../repository/rotation.js'
import type { StoredChunk } from '../repository/verify-chunk.js'
import type { Clock } from '../sys/clock.js'
import type { RotationLaps } from './rotation-laps.js'

export interface ReadingOptions {
  mode: ReadMode
  /** Bytes fetched at most; null: as many as it takes. */
  budgetBytes: number | null
}

export interface Coverage {
  nights: number
  /** How much of the rotation's present round is read, by bytes, from 0 to 100. */
  percent: number
  /** Everything that was stored then has been read back since; ISO 8601. Null: no round is whole yet. */
  wholeSince: string | null
  /** Nights that a round takes with this budget; null when the asked number is enough. */
  nightsNeeded: number | null
}

export interface Reading {
  /** Whose turn it is first: those that waited longest. */
  order(subjects: readonly SubjectId[]): SubjectId[]
  /** What of a subject is to be read now; drawn from while it is read. */
  chunks(subject: SubjectId, inventory: Inventory): Iterable<StoredChunk>
  /** Everything that `chunks` gave was read. */
  done(subject: SubjectId): void
  /** True when the budget kept something from being read. */
  readonly short: boolean
  /** Of a rotation, over the subjects that were read; null in other modes. */
  coverage(): Coverage | null
}

interface Parts {
  clock: Clock
  laps: RotationLaps
  random?: () => number
}

export function openReading(parts: Parts, { mode, budgetBytes }: ReadingOptions): Reading {
  const purse = new Purse(budgetBytes)
  switch (mode.kind) {
    case 'rotate':
      return new Rotation(parts, mode.nights, purse)
    case 'none':
      return plain(purse, () => [])
    case 'all':
      return plain(purse, inventory => inventory.stored())
    case 'share':
      return plain(purse, inventory => sample(inventory, mode.percent, parts.random ?? Math.random))
    default:
      return mode satisfies never
  }
}

/** The run's budget. One chunk always passes, else a budget below a chunk's size would never read anything. */
class Purse {
  short = false
  #spent = 0
  readonly limit: number | null

  constructor(limit: number | null) {
    this.limit = limit
  }

  pays({ storedBytes }: StoredChunk): boolean {
    const after = this.#spent + (storedBytes ?? 0)
    if (this.limit !== null && this.#spent > 0 && after > this.limit) {
      this.short = true
      return false
    }
    this.#spent = after
    return true
  }
}

function plain(purse: Purse, choose: (inventory: Inventory) => Iterable<StoredChunk>): Reading {
  return {
    order: subjects => [...subjects],
    chunks: function* (_, inventory) {
      for (const chunk of choose(inventory)) {
        if (!purse.pays(chunk)) return
        yield chunk
      }
    },
    done: () => {},
    get short() {
      return purse.short
    },
    coverage: () => null,
  }
}

/** So many percent of the chunks, at least one, each as likely as any other (Knuth's algorithm S). */
function* sample(inventory: Inventory, percent: number, random: () => number): Generator<StoredChunk> {
  let left = [...inventory.stored()].length
  let wanted = Math.ceil((left * percent) / 100)
  for (const chunk of inventory.stored()) {
    if (random() * left < wanted) {
      wanted -= 1
      yield chunk
    }
    left -= 1
  }
}

class Rotation implements Reading {
  readonly #parts: Parts
  readonly #nights: number
  readonly #purse: Purse
  readonly #next = new Map<SubjectId, Lap>()
  readonly #seen = new Map<SubjectId, { bytes: number; lap: Lap }>()

  constructor(parts: Parts, nights: number, purse: Purse) {
    this.#parts = parts
    this.#nights = nights
    this.#purse = purse
  }

  get short(): boolean {
    return this.#purse.short
  }

  /** Those that nothing is known of come in any order, so that the same ones are not always last. */
  order(subjects: readonly SubjectId[]): SubjectId[] {
    const random = this.#parts.random ?? Math.random
    return subjects
      .map(subject => ({ subject, visitedAt: this.#lapOf(subject).visitedAt ?? '', luck: random() }))
      .sort((a, b) => (a.visitedAt < b.visitedAt ? -1 : a.visitedAt > b.visitedAt ? 1 : a.luck - b.luck))
      .map(one => one.subject)
  }

  *chunks(subject: SubjectId, inventory: Inventory): Generator<StoredChunk> {
    const lap = this.#lapOf(subject)
    const slice = nextSlice(lap, this.#nights)
    const { clock } = this.#parts
    this.#seen.set(subject, { bytes: inventory.totals().storedBytes, lap })
    this.#next.delete(subject)
    for (const chunk of clockwise(inventory, slice.from)) {
      if (!inSlice(slice, chunk.id)) continue
      if (!this.#purse.pays(chunk)) {
        this.#next.set(subject, advance(lap, slice, clock.now(), chunk.id))
        return
      }
      yield chunk
    }
    this.#next.set(subject, advance(lap, slice, clock.now(), null))
  }

  done(subject: SubjectId): void {
    const lap = this.#next.get(subject)
    if (!lap) return
    this.#parts.laps.note(subject, lap)
    const seen = this.#seen.get(subject)
    if (seen) this.#seen.set(subject, { ...seen, lap })
  }

  coverage(): Coverage {
    const seen = [...this.#seen.values()]
    const bytes = seen.reduce((sum, one) => sum + one.bytes, 0)
    const read = seen.reduce((sum, one) => sum + (one.bytes * one.lap.covered) / CIRCLE, 0)
    const whole = seen.map(one => one.lap.wholeSince ?? '').sort()
    const limit = this.#purse.limit
    const needed = limit === null ? 0 : Math.ceil(bytes / limit)
    return {
      nights: this.#nights,
      percent: bytes === 0 ? 100 : Math.floor((100 * read) / bytes),
      wholeSince: whole[0] || null,
      nightsNeeded: needed > this.#nights ? needed : null,
    }
  }

  #lapOf(subject: SubjectId): Lap {
    return this.#parts.laps.of(subject) ?? newLap(this.#parts.clock.now(), this.#nights)
  }
}

/** The chunks from a place on the circle once around. */
function* clockwise(inventory: Inventory, from: number): Generator<StoredChunk> {
  for (const chunk of inventory.stored()) if (placeOnCircle(chunk.id) >= from) yield chunk
  for (const chunk of inventory.stored()) if (placeOnCircle(chunk.id) < from) yield chunk
}
