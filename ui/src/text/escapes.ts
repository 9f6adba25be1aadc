/** A run of text: either as it is, or a character that would mislead the eye, shown by its code point. */
export interface TextRun {
  text: string;
  escaped: boolean;
}

/**
 * Control characters (also DEL and C1), the characters that reorder text (bidirectional marks, embeddings, overrides,
 * isolates), invisible ones (zero width, word joiner, byte order mark, tags, soft hyphen), line separators, and half
 * surrogates. Tab and line feed are left alone: they are layout that code and messages use.
 */
const MISLEADING =
  // eslint-disable-next-line no-control-regex -- finding them is the purpose
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e007f}]/u;

/** Splits text from an image into runs that are safe to show and code points to show as escapes. */
export function splitUntrusted(text: string): TextRun[] {
  const runs: TextRun[] = [];
  let plain = "";
  for (const character of text) {
    if (!MISLEADING.test(character)) {
      plain += character;
      continue;
    }
    if (plain) runs.push({ text: plain, escaped: false });
    plain = "";
    runs.push({ text: escapeOf(character), escaped: true });
  }
  if (plain) runs.push({ text: plain, escaped: false });
  return runs;
}

/** The same as one string, for accessible names and tooltips, which hold no markup. */
export function plainUntrusted(text: string): string {
  return splitUntrusted(text)
    .map((run) => run.text)
    .join("");
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return `\\u{${code.toString(16)}}`;
}
