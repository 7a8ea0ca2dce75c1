// The vocabulary of the messages: one set of words a language, and how a gap in them is filled.
import type { Severity } from '../../domain/alerts.js'
import type { LetterKind } from '../letter.js'
import type { RuleId } from '../rules/rule-table.js'

export interface RuleWords {
  /** Gaps: {who}, {first}, {each} (nothing, which means all, when they are many), {cause}, {run}, {scope}, {details}. */
  title: string
  /** What it means for recovery. */
  meaning: string
  /** What to type next. */
  next: string[]
  /** Of each that it is about, where the bare {detail} would not say what it is. */
  line?: string
}

export interface DigestWords {
  title: string
  labels: Record<
    | 'protected'
    | 'worst'
    | 'proofs'
    | 'oldestProof'
    | 'restores'
    | 'growth'
    | 'storage'
    | 'cost'
    | 'deletions'
    | 'open',
    string
  >
  ofAll(some: number, all: number): string
  proofs(passed: number, failed: number): string
  nothing: string
  never: string
  meaning: string
  tenant: string
  nights: string
  last: string
  proof: string
}

export interface Words {
  severities: Record<Severity, string>
  /** In front of the title. */
  kinds: Record<LetterKind, string>
  rules: Record<RuleId, RuleWords>
  labels: Record<'since' | 'until' | 'severity' | 'incident' | 'run' | 'subjects' | 'acked', string>
  andMore(who: string, more: number): string
  notNamed(more: number): string
  overMeaning: string
  whatItMeans: string
  whatToType: string
  theRun: string
  /** Behind what it belongs to, in front of what it says. */
  colon: string
  /** `open`: there is something to be acknowledged. */
  footer(id: string, name: string, open: boolean): string
  test: { title: string; meaning: string; footer(name: string): string }
  bundle: { title(count: number): string; meaning: string }
  digest: DigestWords
}

/** The text with its gaps filled; a command whose gap has nothing to fill it loses the gap. */
export function fill(text: string, gaps: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => gaps[name] ?? '').trim()
}
