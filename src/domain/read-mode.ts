// How much of the store a check reads back, beyond looking whether everything is there.
export type ReadMode =
  | { kind: 'none' }
  | { kind: 'all' }
  /** A random part of each subject's chunks. */
  | { kind: 'share'; percent: number }
  /** Another part each night, so that `nights` of them have read everything. */
  | { kind: 'rotate'; nights: number }

const PERCENT = /^(\d{1,2}|100)%$/

export function isReadWords(words: string): boolean {
  return ['none', 'all', 'rotate'].includes(words) || Number(PERCENT.exec(words)?.[1] ?? 0) >= 1
}

/** @param words what `isReadWords` accepts. @param nights those of a rotation. */
export function readModeOf(words: string, nights: number): ReadMode {
  if (words === 'none' || words === 'all') return { kind: words }
  if (words === 'rotate') return { kind: 'rotate', nights }
  return { kind: 'share', percent: Number(PERCENT.exec(words)?.[1]) }
}
