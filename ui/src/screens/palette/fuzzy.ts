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

/** More than all words of a question together. */
const NAMED = 10_000;

/** How well something with a name and other words for it answers: the name alone beats the name with its other words. */
export function rank(query: string, label: string, words = ""): number | null {
  const named = fuzzyScore(query, label);
  // Letters in order are found in nearly any name, so only whole beginnings count as its name.
  if (named !== null && startsWords(query, label)) return NAMED + named;
  return fuzzyScore(query, `${label} ${words}`);
}

/** Whether every word of the question begins a word of the text. */
function startsWords(query: string, text: string): boolean {
  const words = text.toLowerCase().split(/[\s/:._-]+/);
  const asked = query.toLowerCase().split(/\s+/).filter(Boolean);
  return asked.every((word) => words.some((candidate) => candidate.startsWith(word)));
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
