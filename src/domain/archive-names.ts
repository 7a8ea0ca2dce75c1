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

/** Paths → member names. Injective; most are the path itself. */
export function memberNames(files: readonly Named[]): Map<string, string> {
  const folders = new Set<string>()
  for (const { path } of files) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end)
      // What is above it was added with it.
      if (folders.has(folder)) break
      folders.add(folder)
    }
  }
  const names = new Map<string, string>()
  let others = 0
  for (const file of files) {
    const usable = isUsable(file) && !folders.has(file.path)
    const name = usable ? file.path : `${OTHER_NAMES}/${String(++others).padStart(6, '0')}`
    names.set(file.path, name)
  }
  return names
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

/** The inverse, over a whole file: name → SHA-256. Lines of another shape are passed over. */
export function parseSums(text: string): Map<string, string> {
  const sums = new Map<string, string>()
  for (const line of text.split('\n')) {
    const parts = /^(\\?)([0-9a-f]{64}) {2}(.*)$/.exec(line)
    if (!parts) continue
    const [, mark, sha256 = '', written = ''] = parts
    const letterOf = (_: string, letter: string) => ({ n: '\n', r: '\r' })[letter] ?? letter
    sums.set(mark ? written.replace(/\\(.)/g, letterOf) : written, sha256)
  }
  return sums
}
