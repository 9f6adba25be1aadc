const INDENT = "  ";

/** A piece of a line of JSON, and what it is; empty for brackets, commas and spaces. */
export interface JsonPiece {
  text: string;
  kind: "key" | "string" | "number" | "word" | "";
}

/** Tells what the pieces of a line of `indentJson` are. Together they are the line; what is no JSON has no kind. */
export function jsonPieces(line: string): JsonPiece[] {
  const pieces: JsonPiece[] = [];
  let end = 0;
  const add = (text: string, kind: JsonPiece["kind"]): void => {
    const last = pieces.at(-1);
    if (last?.kind === "" && kind === "") last.text += text;
    else if (text !== "") pieces.push({ text, kind });
  };
  for (const { 0: text, index } of line.matchAll(
    /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g,
  )) {
    add(line.slice(end, index), "");
    end = index + text.length;
    const first = text.charAt(0);
    if (first === '"') add(text, line.charAt(end) === ":" ? "key" : "string");
    else add(text, /[tfn]/.test(first) ? "word" : "number");
  }
  add(line.slice(end), "");
  return pieces;
}

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
