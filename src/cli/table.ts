// Rows under headings, columns aligned by what a terminal shows, not by how many characters that takes.
import { cellWidth, cut, oneLine, padEnd, padStart } from './cells.js'

export interface TableOptions {
  /** Headings of the columns of numbers. */
  right?: readonly string[]
  /** Lines are cut to so many cells; null: never, as in a pipe. */
  columns?: number | null
}

/** The last column gives way when the lines are too long for the terminal. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { right = [], columns = null }: TableOptions = {},
): string {
  const lines = [headings, ...rows].map(row => headings.map((_, at) => oneLine(row[at] ?? '')))
  const widths = headings.map((_, at) => Math.max(...lines.map(cells => cellWidth(cells[at] ?? ''))))
  return lines
    .map(cells => {
      const padded = cells.map((cell, at) =>
        right.includes(headings[at] ?? '') ? padStart(cell, widths[at] ?? 0) : padEnd(cell, widths[at] ?? 0),
      )
      const line = padded.join('  ').trimEnd()
      return columns === null ? line : cut(line, columns)
    })
    .join('\n')
}
