// Who calls, and what they may: a role, and the tenants they may see. Roles include those before them.
import { Failure } from '../domain/errors.js'
import { ROLES, type Role } from '../domain/role.js'
import { type SubjectId, subjectName } from '../domain/subject.js'

export interface Caller {
  /** As the audit names them. */
  who: string
  role: Role
  /** Null: all, and the platform itself. */
  tenants: readonly SubjectId[] | null
  /** A token's id; null for the socket. */
  token: string | null
}

export const mayAct = (caller: Caller, needed: Role): boolean =>
  ROLES.indexOf(caller.role) >= ROLES.indexOf(needed)

/** Whether something about a subject may be shown; what is about no single subject is the platform's. */
export const sees = ({ tenants }: Caller, subject: SubjectId | null): boolean =>
  tenants === null || (subject !== null && tenants.includes(subject))

/** @throws Failure forbidden */
export function assertSees(caller: Caller, subject: SubjectId | null): void {
  if (sees(caller, subject)) return
  const what = subject ? subjectName(subject) : 'the platform as a whole'
  throw new Failure('forbidden', `${caller.who} may not see ${what}`)
}
