// Rows under headings, columns aligned by what a terminal shows, not by how many characters that takes.
import { cellWidth, cut, oneLine, padEnd, padStart } from './cells.js'

export interface TableOptions {
  /** Headings of the columns of numbers. */
  right?: readonly string[]
  /** Lines have at most so many cells; null: as many as they need, as in a pipe. */
  columns?: number | null
  /** Columns that are left out of lines that would be too long, one after the other, before the end is cut off. */
  spare?: readonly string[]
}

const GAP = '  '

export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { right = [], columns = null, spare = [] }: TableOptions = {},
): string {
  const lines = [headings, ...rows].map(row => headings.map((_, at) => oneLine(row[at] ?? '')))
  const widths = headings.map((_, at) => Math.max(...lines.map(cells => cellWidth(cells[at] ?? ''))))
  const shown = fitting(headings, widths, { columns, spare })
  return lines
    .map(cells => {
      const padded = shown.map(at => {
        const pad = right.includes(headings[at] ?? '') ? padStart : padEnd
        return pad(cells[at] ?? '', widths[at] ?? 0)
      })
      const line = padded.join(GAP).trimEnd()
      return columns === null ? line : cut(line, columns)
    })
    .join('\n')
}

/** The places of the columns that there is room for. */
function fitting(
  headings: readonly string[],
  widths: readonly number[],
  { columns, spare }: { columns: number | null; spare: readonly string[] },
): number[] {
  const left = [...spare]
  let shown = headings.map((_, at) => at)
  const width = () => shown.reduce((sum, at) => sum + (widths[at] ?? 0) + GAP.length, -GAP.length)
  while (columns !== null && width() > columns && left.length > 0) {
    const gone = left.shift()
    shown = shown.filter(at => headings[at] !== gone)
  }
  return shown
}
