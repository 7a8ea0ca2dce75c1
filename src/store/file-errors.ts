// What the operating system said about a file, in the store's words. Classified by errno code, never by message.
import { type ErrorCode, Failure } from '../domain/errors.js'

const CODES: Record<string, ErrorCode> = {
  ENOSPC: 'store-full',
  EDQUOT: 'store-full',
  EFBIG: 'store-full',
  EACCES: 'store-denied',
  EPERM: 'store-denied',
  EROFS: 'store-denied',
  EIO: 'store-unreachable',
  ESTALE: 'store-unreachable',
  ENOTCONN: 'store-unreachable',
  ETIMEDOUT: 'store-unreachable',
  EHOSTDOWN: 'store-unreachable',
  EHOSTUNREACH: 'store-unreachable',
  EMFILE: 'store-busy',
  ENFILE: 'store-busy',
  ENOMEM: 'store-busy',
  EAGAIN: 'store-busy',
  EBUSY: 'store-busy',
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  'store-denied': "check the directory's owner and mode, and that it is not mounted read-only",
  'store-unreachable': 'check the disk or the network mount below the directory, and the kernel log',
}

/** The errno code of anything thrown, or an empty string. */
export function errnoCode(thrown: unknown): string {
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : ''
}

/** True when there is no such file: no entry, or a file where a directory would have to be. */
export const isAbsent = (thrown: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(errnoCode(thrown))

/** A file system's error while doing `what`, as a Failure; a Failure passes through. */
export function fileFailure(thrown: unknown, what: string): Failure {
  if (thrown instanceof Failure) return thrown
  const code = CODES[errnoCode(thrown)] ?? 'store-refused'
  const hint = HINTS[code]
  return new Failure(code, `cannot ${what}`, {
    cause: thrown,
    facts: { errno: errnoCode(thrown) },
    ...(hint ? { hint } : {}),
  })
}
