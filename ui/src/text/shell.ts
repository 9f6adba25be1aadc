/** Writes a text so that a shell gives it on as one word. */
export function quoted(text: string): string {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Writes words as a line that a shell reads as these. */
export function shellLine(words: string[]): string {
  return words.map(quoted).join(" ");
}
