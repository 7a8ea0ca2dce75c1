// The shape of a rule about events.
import type { EventType, StoredEvent } from '../../domain/events.js'
import type { Memory } from '../memory.js'
import type { Sign } from './signs.js'

export type EventOf<T extends EventType> = Extract<StoredEvent, { type: T }>

/** What one event says. `memory` is what was known before it. Pure. */
export type Rule<T extends EventType> = (event: EventOf<T>, memory: Memory) => Sign[]

/** Nobody needs to be told. */
export const silent = (): Sign[] => []
