// A message before it has a form: what it says, in the reader's language, whatever channel carries it.
import type { Severity } from '../domain/alerts.js'

export type LetterKind = 'opened' | 'grown' | 'reminder' | 'over' | 'happened' | 'test' | 'digest' | 'bundle'

export interface LetterLine {
  name: string
  text: string
  hint: string
}

export interface LetterTable {
  head: string[]
  /** One a row: `text` alone, or coloured by `tone`. */
  rows: { text: string; tone?: 'good' | 'bad' | 'none' }[][]
}

export interface Letter {
  /** The incident's id: the thread of its messages. Null for what belongs to none. */
  incident: string | null
  kind: LetterKind
  severity: Severity
  /** The mail's subject and the first line elsewhere. */
  title: string
  /** The title without installation and severity, as a thread keeps it from the first message to the last. */
  thread: string
  /** `since`, `for`, … and what they are. */
  facts: [name: string, value: string][]
  /** The subjects or things it is about, worst first; `more` says how many are left out. */
  lines: LetterLine[]
  more: string
  meaning: string
  next: string[]
  link: { text: string; url: string } | null
  footer: string
  /** The digest's nights. */
  table?: LetterTable
}
