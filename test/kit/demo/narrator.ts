// How the demo speaks: numbered headings, one or two lines of why, then what came out. Bold and dim only on a terminal.
import { styleText } from 'node:util'
import type { Terminal } from '../../../src/cli/output.js'

export interface Narrator {
  terminal: Terminal
  /** A heading with its number, and why this is done. */
  step(heading: string, why: readonly string[]): void
  line(text: string): void
  /** Something to copy: alone on its line. */
  command(text: string): void
}

/** Speaks to stdout, progress included, so that a pipe gets the story in order. */
export function createNarrator(output: NodeJS.WriteStream = process.stdout): Narrator {
  const live = output.isTTY === true
  const style = (format: 'bold' | 'dim', text: string) => (live ? styleText(format, text) : text)
  const write = (text: string) => void output.write(`${text}\n`)
  let number = 0
  return {
    terminal: {
      json: false,
      debug: false,
      live,
      columns: live ? output.columns : null,
      out: write,
      err: text => write(`   ${text}`),
    },
    step: (heading, why) => {
      number += 1
      write(`\n${style('bold', `${number}. ${heading}`)}`)
      for (const line of why) write(style('dim', `   ${line}`))
    },
    line: text => write(`   ${text}`),
    command: text => write(`   $ ${text}`),
  }
}
