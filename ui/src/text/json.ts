const INDENT = "  ";

/**
 * Breaks JSON into lines for reading, and changes nothing else.
 *
 * Keys that come twice, long numbers and escapes stay as they were written, which reading and writing it anew would not
 * keep. Text that is no JSON comes back as it is.
 */
export function indentJson(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let out = "";
  let depth = 0;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs) ?? [];
  tokens.forEach((token, index) => {
    const before = tokens[index - 1];
    const after = tokens[index + 1];
    if (token === "}" || token === "]") {
      depth -= 1;
      const empty = before === "{" || before === "[";
      out += empty ? token : `\n${INDENT.repeat(depth)}${token}`;
    } else if (token === "{" || token === "[") {
      depth += 1;
      const empty = after === "}" || after === "]";
      out += empty ? token : `${token}\n${INDENT.repeat(depth)}`;
    } else if (token === ",") {
      out += `,\n${INDENT.repeat(depth)}`;
    } else {
      out += token === ":" ? ": " : token;
    }
  });
  return out;
}
