// The status page is made of sections: each a pure function of what is known.

export interface StatusSection {
  title: string
  lines: string[]
}
