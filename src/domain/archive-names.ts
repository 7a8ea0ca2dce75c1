// What the application's files are called inside an archive. Any key of S3 must find a place there, no two the same one, and
// none may lead out of the folder in which somebody unpacks the archive in ten years.

const SEGMENT_BYTES_MAX = 255
/** Where files go whose key is no usable path: `other-names/000001`; the archive's manifest has their keys. */
const OTHER_NAMES = 'other-names'

export interface Named {
  /** The key below the tenant's own folder. */
  path: string
  bytes: number
}

/**
 * Paths that are a file and a folder as well; only they are held. Shown all paths once, in their ascending order: those that
 * begin alike follow each other then, so of the files gone by only those count which are beginnings of the path just seen.
 */
export class FolderClashes {
  readonly #clashes = new Set<string>()
  /** Each is the beginning of the next. */
  readonly #beginnings: string[] = []

  see(path: string): void {
    const beginnings = this.#beginnings
    for (let last = beginnings.at(-1); last !== undefined && !path.startsWith(last); last = beginnings.at(-1))
      beginnings.pop()
    for (const one of beginnings) if (path[one.length] === '/') this.#clashes.add(one)
    beginnings.push(path)
  }

  has(path: string): boolean {
    return this.#clashes.has(path)
  }
}

/** Gives files their names in the archive, in their order. Injective; most are the path itself. @param clashes has seen them all. */
export function memberNamer(clashes: FolderClashes): (file: Named) => string {
  let others = 0
  return file =>
    isUsable(file) && !clashes.has(file.path)
      ? file.path
      : `${OTHER_NAMES}/${String(++others).padStart(6, '0')}`
}

/** A path that Linux can hold. A line break is lawful there; other control characters are kept from terminals. */
function isUsable({ path, bytes }: Named): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (!path.isWellFormed() || /[\u0000-\u0009\u000b-\u001f\u007f]/.test(path)) return false
  const isFolder = path.endsWith('/') && bytes === 0
  const segments = (isFolder ? path.slice(0, -1) : path).split('/')
  if (segments[0] === OTHER_NAMES) return false
  return segments.every(
    one => one !== '' && one !== '.' && one !== '..' && Buffer.byteLength(one) <= SEGMENT_BYTES_MAX,
  )
}

/** A line of SHA256SUMS as `sha256sum` writes and reads it: a name with a line break or a backslash is escaped and marked. */
export function sumLine(name: string, sha256: string): string {
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  return `${escaped === name ? '' : '\\'}${sha256}  ${escaped}\n`
}

/** The inverse. Null for a line of another shape. */
export function parseSumLine(line: string): { name: string; sha256: string } | null {
  const parts = /^(\\?)([0-9a-f]{64}) {2}(.*)$/s.exec(line)
  if (!parts) return null
  const [, mark, sha256 = '', written = ''] = parts
  const letterOf = (_: string, letter: string) => ({ n: '\n', r: '\r' })[letter] ?? letter
  return { name: mark ? written.replace(/\\(.)/gs, letterOf) : written, sha256 }
}
