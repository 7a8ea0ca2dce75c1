// What is told while it happens and never kept: how far a run is.
import type { About, NewEvent, StoredEvent } from './events.js'

interface LiveFacts {
  /** How far it is with one subject: bytes of the stream done so far, and in all where that is known. */
  progress: {
    phase: string
    bytes: number
    of: number | null
    newBytes?: number
    reusedBytes?: number
  }
}

/** Told to listeners while it happens, never stored. */
export type LiveEvent = { [T in keyof LiveFacts]: About & { type: T; facts: LiveFacts[T] } }[keyof LiveFacts]

export const isLive = (event: StoredEvent | NewEvent | LiveEvent): event is LiveEvent =>
  event.type === 'progress'
