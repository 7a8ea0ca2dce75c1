// A word as a shell takes it back, so that what a hint says can be typed as it stands.

/** The text itself where nothing in it is special to a shell, single-quoted otherwise. */
export function shellWord(text: string): string {
  if (/^[A-Za-z0-9_./:@%+=,-]+$/.test(text)) return text
  return `'${text.replaceAll("'", `'\\''`)}'`
}
