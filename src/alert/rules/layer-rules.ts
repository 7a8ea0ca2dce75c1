// What events of the layers around the nightly backups mean: checks, archives, retention, pins.
import type { EventType, StoredEvent } from '../../domain/events.js'
import { type Rule, silent } from './rule.js'
import { clear, ofError, raise, type Sign } from './signs.js'

export const LAYER_RULES = {
  'objects-damaged': event => {
    const { count, first, broken = [] } = event.facts
    const backups = broken.length > 0 ? `; backups: ${broken.join(', ')}` : ''
    return [
      raise('objects-damaged', event, {
        detail: `${count}: ${first.map(one => one.key).join(', ')}${backups}`,
      }),
    ]
  },
  'objects-healed': silent,
  'subject-checked': event => {
    const { damaged, broken, problems } = event.facts
    const scope = event.subject ?? 'all'
    const whole = damaged === 0 && broken.length === 0
    const unusable = raise('check-problem', event, { detail: problems.slice(0, 5).join('; ') })
    return [
      clear('check-failed', scope),
      ...(whole ? [clear('objects-damaged', scope)] : []),
      ...(problems.length > 0 ? [unusable] : [clear('check-problem', scope)]),
    ]
  },
  'backups-vanished': event => [
    raise('backups-vanished', event, {
      detail: `${event.facts.count}: ${event.facts.first.map(one => `${one.backup} ${one.instant}`).join(', ')}`,
    }),
  ],
  'check-failed': event => [raise('check-failed', event, ofError(event.facts.error))],
  'archive-started': silent,
  'archive-stored': event => {
    const { archive, missing, changed } = event.facts
    const detail = `${archive}: −${missing}, ±${changed}`
    return [
      ...(event.subject ? [clear('archive-failed', event.subject)] : []),
      ...(missing > 0 ? [raise('archive-incomplete', event, { detail })] : []),
    ]
  },
  'archive-skipped': silent,
  'archive-failed': event => [raise('archive-failed', event, ofError(event.facts.error))],
  'archive-removed': silent,
  'archive-kept': silent,
  'archive-verified': event => ofArchive(event, event.facts.archive, event.facts.problems),
  'archive-drilled': event => ofArchive(event, event.facts.archive, event.facts.differences),
  'archive-not-drilled': event => [
    raise('archive-unproven', event, { ...ofError(event.facts.error), scope: event.facts.archive }),
  ],
  'snapshot-requested': silent,
  'server-shutdown': silent,
  'server-started': event => [clear('server-left-off', event.facts.server)],
  'snapshot-made': event => [clear('snapshot-failed', event.facts.server)],
  'snapshot-failed': event => {
    const { error, server: scope } = event.facts
    const rule = error.code === 'server-left-off' ? 'server-left-off' : 'snapshot-failed'
    return [raise(rule, event, { ...ofError(error), scope })]
  },
  'snapshot-abandoned': silent,
  'snapshot-removed': silent,
  'snapshot-warning': event => [
    raise('snapshot-warning', event, { scope: event.facts.server, detail: event.facts.message }),
  ],
  'archives-waiting': silent,
  'upload-started': silent,
  'upload-ended': silent,
  'backup-pinned': silent,
  'backup-unpinned': silent,
  'subject-departed': event => [
    raise('subject-departed', event, { detail: `${event.facts.since} → ${event.facts.heldUntil}` }),
  ],
  'departures-doubted': event => [
    raise('retention-blocked', event, {
      cause: event.type,
      detail: event.facts.subjects.slice(0, 10).join(', '),
    }),
  ],
  'sweep-planned': silent,
  'sweep-refused': event => [
    raise('retention-blocked', event, {
      cause: event.type,
      scope: `${event.type} ${event.subject ?? ''}`,
      detail: `${event.facts.remove}/${event.facts.of}: ${event.facts.why}`,
    }),
  ],
  'backup-removal': silent,
  'removal-locked': silent,
  'chunk-removal': silent,
  'leftovers-removed': silent,
  'journal-trimmed': silent,
  'chunks-protected': event => [
    raise('retention-blocked', event, {
      cause: event.type,
      scope: `${event.type} ${event.subject ?? ''}`,
      detail: event.facts.reason,
    }),
  ],
  'sweep-failed': event => [raise('sweep-failed', event, ofError(event.facts.error))],
} satisfies { [T in EventType]?: Rule<T> }

/** Looked at whole, or restored: what one look found the next may find gone. */
function ofArchive(event: StoredEvent, archive: string, wrong: readonly string[]): Sign[] {
  if (wrong.length === 0) return [clear('archive-damaged', archive), clear('archive-unproven', archive)]
  return [
    raise('archive-damaged', event, {
      scope: archive,
      detail: `${archive}: ${wrong.slice(0, 5).join('; ')}`,
    }),
  ]
}
