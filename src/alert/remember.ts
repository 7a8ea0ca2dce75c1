// The fold that makes the memory: one event more, what it changes, and what it says. Pure.
import type { StoredEvent } from '../domain/events.js'
import type { RunId } from '../domain/ids.js'
import type { SubjectId } from '../domain/subject.js'
import type { Memory, SubjectMemory } from './memory.js'
import { signsOf } from './rules/event-rules.js'
import { RULES, type RuleId } from './rules/rule-table.js'
import type { Sign, Trouble } from './rules/signs.js'

const SIZES_KEPT = 8
const DAYS_KEPT = 35

/** What the platform's state is, not how a run went: one that fails has another reason. */
const BESIDE: readonly RuleId[] = ['drift', 'schemas-left']

export interface Remembered {
  memory: Memory
  /** What happened and does not last. */
  happened: Trouble[]
}

/** One event more. */
export function remember(before: Memory, event: StoredEvent): Remembered {
  const signs = signsOf(event, before)
  const happened: Trouble[] = []
  let memory = remembersFacts(before, event)
  for (const sign of signs) {
    if (sign.do === 'raise' && RULES[sign.trouble.rule].momentary) happened.push(sign.trouble)
    else memory = { ...memory, troubles: applySign(memory.troubles, sign) }
  }
  const raised = signs.filter(sign => sign.do === 'raise' && !BESIDE.includes(sign.trouble.rule)).length
  return { memory: raised > 0 ? countTroubles(memory, event.run, raised) : memory, happened }
}

function applySign(troubles: Memory['troubles'], sign: Sign): Memory['troubles'] {
  switch (sign.do) {
    case 'raise': {
      const key = keyOf(sign.trouble)
      const since = troubles[key]?.since ?? sign.trouble.since
      return { ...troubles, [key]: { ...sign.trouble, since } }
    }
    case 'clear':
      return without(troubles, one => one.rule === sign.rule && one.scope === sign.scope)
    case 'clear-unseen':
      return without(troubles, one => one.rule === sign.rule && one.run !== sign.exceptRun)
    default:
      return sign satisfies never
  }
}

const keyOf = ({ rule, scope }: Trouble): string => `${rule} ${scope}`

function without(troubles: Memory['troubles'], over: (one: Trouble) => boolean): Memory['troubles'] {
  return Object.fromEntries(Object.entries(troubles).filter(([, one]) => !over(one)))
}

function countTroubles(memory: Memory, run: RunId | null, raised: number): Memory {
  const known = run ? memory.runs[run] : undefined
  if (!run || !known) return memory
  return { ...memory, runs: { ...memory.runs, [run]: { ...known, troubles: known.troubles + raised } } }
}

function remembersFacts(memory: Memory, event: StoredEvent): Memory {
  const { run, subject, at } = event
  switch (event.type) {
    case 'run-started': {
      if (!run) return memory
      const { job, trigger } = event.facts
      return { ...memory, runs: { ...memory.runs, [run]: { job, trigger, startedAt: at, troubles: 0 } } }
    }
    case 'run-finished':
      return endRun(memory, run, event.facts.job === 'backup-all' && event.facts.outcome !== 'failed')
    case 'run-cancelled':
      return endRun(memory, run, false)
    case 'run-interrupted': {
      const interrupted = [...memory.daemon.interrupted, event.facts.job]
      return { ...endRun(memory, run, false), daemon: { ...memory.daemon, interrupted } }
    }
    case 'daemon-started':
      return { ...memory, daemon: { running: true, interrupted: [] } }
    case 'daemon-stopping':
      return { ...memory, daemon: { running: false, interrupted: [] } }
    case 'backup-started':
      return withSubject(memory, subject, at, () => ({ triedBy: run, gone: false }))
    case 'backup-committed': {
      const { rows, streamBytes: bytes, newStoredBytes } = event.facts
      const night = withSubject(memory, subject, at, one => ({
        lastBackupAt: at,
        gone: false,
        sizes: [...one.sizes, { rows, bytes }].slice(-SIZES_KEPT),
        nights: kept({ ...one.nights, [day(at)]: 'ok' }),
      }))
      return counted(night, at, { newBytes: newStoredBytes })
    }
    case 'backup-failed':
      if (event.facts.error.code === 'cancelled') return memory
      return withSubject(memory, subject, at, one => ({
        nights: kept({ ...one.nights, [day(at)]: 'failed' }),
      }))
    case 'proof-passed':
      return counted(
        withSubject(memory, subject, at, () => ({ lastProofAt: at })),
        at,
        { proofs: 1 },
      )
    case 'proof-failed':
      return counted(memory, at, { failedProofs: 1 })
    case 'restore-finished':
      return counted(memory, at, { restores: 1 })
    default:
      return memory
  }
}

/** A whole night that ended tells which subjects are no longer there. */
function endRun(memory: Memory, run: RunId | null, wholeNight: boolean): Memory {
  if (!run) return memory
  const { [run]: _ended, ...runs } = memory.runs
  const tried = Object.values(memory.subjects).some(one => one.triedBy === run)
  if (!wholeNight || !tried) return { ...memory, runs }
  const subjects = Object.fromEntries(
    Object.entries(memory.subjects).map(([id, one]) => {
      const gone = one.triedBy !== run
      return [id, gone === one.gone ? one : { ...one, gone }]
    }),
  )
  // Nothing can be wrong any more with what is not there; that it went is told as drift.
  const troubles = without(
    memory.troubles,
    one => one.subject !== null && subjects[one.subject]?.gone === true,
  )
  return { ...memory, runs, subjects, troubles }
}

function withSubject(
  memory: Memory,
  subject: SubjectId | null,
  at: string,
  change: (before: SubjectMemory) => Partial<SubjectMemory>,
): Memory {
  if (!subject) return memory
  const before = memory.subjects[subject] ?? newSubject(at)
  return { ...memory, subjects: { ...memory.subjects, [subject]: { ...before, ...change(before) } } }
}

const newSubject = (at: string): SubjectMemory => ({
  firstSeenAt: at,
  lastBackupAt: null,
  lastProofAt: null,
  sizes: [],
  nights: {},
  triedBy: null,
  gone: false,
})

type Day = Memory['days'][string]

function counted(memory: Memory, at: string, more: Partial<Day>): Memory {
  const before = memory.days[day(at)] ?? { newBytes: 0, restores: 0, proofs: 0, failedProofs: 0 }
  const now = Object.fromEntries(
    Object.entries(before).map(([key, value]) => [key, value + (more[key as keyof Day] ?? 0)]),
  ) as unknown as Day
  return { ...memory, days: kept({ ...memory.days, [day(at)]: now }) }
}

const day = (at: string): string => at.slice(0, 10)

/** The latest days alone. */
function kept<T>(days: Record<string, T>): Record<string, T> {
  const names = Object.keys(days).sort()
  return Object.fromEntries(names.slice(-DAYS_KEPT).map(name => [name, days[name] as T]))
}
