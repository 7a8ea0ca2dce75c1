// How far each subject's round of a rotation is, in the table `rotation_laps`. A cache: a lap that is lost begins anew.
import type { SubjectId } from '../domain/subject.js'
import type { Lap } from '../repository/rotation.js'
import { guard, type Sqlite } from '../sys/sqlite.js'

export interface RotationLaps {
  of(subject: SubjectId): Lap | null
  note(subject: SubjectId, lap: Lap): void
}

export const ROTATION_MIGRATION = `
  create table rotation_laps (
    subject text primary key,
    at integer not null,
    covered integer not null,
    since text not null,
    visitedAt text,
    wholeSince text
  ) strict;
`

export function openRotationLaps(db: Sqlite): RotationLaps {
  const find = db.prepare(
    'select at, covered, since, visitedAt, wholeSince from rotation_laps where subject = ?',
  )
  const save = db.prepare(
    `insert or replace into rotation_laps (subject, at, covered, since, visitedAt, wholeSince)
     values (@subject, @at, @covered, @since, @visitedAt, @wholeSince)`,
  )
  return {
    of: subject => guard(db.name, () => find.get(subject) as Lap | undefined) ?? null,
    note: (subject, lap) => void guard(db.name, () => save.run({ subject, ...lap })),
  }
}
