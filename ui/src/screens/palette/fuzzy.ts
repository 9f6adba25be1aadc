/**
 * How well `text` answers `query`: higher is better, null is not at all.
 *
 * Every word of the query must be found, in any order: best at the start of the text, then at the start of a word, then
 * inside one, last as letters in order ("dkp" finds "disk page"). Case does not count.
 */
export function fuzzyScore(query: string, text: string): number | null {
  const haystack = text.toLowerCase();
  let total = 0;
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const score = wordScore(word, haystack);
    if (score === null) return null;
    total += score;
  }
  return total;
}

function wordScore(word: string, haystack: string): number | null {
  const at = haystack.indexOf(word);
  if (at === 0) return 100;
  if (at > 0) return startsWord(haystack, at) || haystack.includes(` ${word}`) ? 60 : 30;
  return inOrder(word, haystack) ? 5 : null;
}

function startsWord(haystack: string, at: number): boolean {
  return /[\s/:._-]/.test(haystack.charAt(at - 1));
}

function inOrder(word: string, haystack: string): boolean {
  let from = 0;
  for (const letter of word) {
    const at = haystack.indexOf(letter, from);
    if (at < 0) return false;
    from = at + 1;
  }
  return true;
}
