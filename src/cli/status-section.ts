// The status page is made of sections: each a pure function of what is known, with its lines and whether all is well in it.

export interface StatusSection {
  title: string
  lines: string[]
  /** Something in it is outside its window: the page exits with 1. */
  outside: boolean
  /** For machines. */
  json: unknown
}
