/** A piece of a line of code, and what it is: "keyword", "string"; empty for the rest. */
export interface Token {
  text: string;
  kind: string;
}

/** Longer texts stay plain: the colours of a file that nobody reads to its end are not worth the wait. */
const LONGEST = 64 * 1024;

const ENDINGS: Record<string, string> = {
  bash: "bash",
  c: "c",
  cc: "cpp",
  cfg: "ini",
  cnf: "ini",
  conf: "ini",
  cpp: "cpp",
  css: "css",
  diff: "diff",
  go: "go",
  h: "c",
  hpp: "cpp",
  htm: "xml",
  html: "xml",
  ini: "ini",
  java: "java",
  js: "javascript",
  json: "json",
  lua: "lua",
  md: "markdown",
  mjs: "javascript",
  mk: "makefile",
  patch: "diff",
  php: "php",
  pl: "perl",
  pm: "perl",
  properties: "ini",
  py: "python",
  rb: "ruby",
  rs: "rust",
  service: "ini",
  sh: "bash",
  socket: "ini",
  sql: "sql",
  svg: "xml",
  timer: "ini",
  toml: "ini",
  ts: "typescript",
  xml: "xml",
  yaml: "yaml",
  yml: "yaml",
};

const NAMES: Record<string, string> = {
  dockerfile: "dockerfile",
  containerfile: "dockerfile",
  makefile: "makefile",
  "os-release": "ini",
  "lsb-release": "ini",
  ".bashrc": "bash",
  ".profile": "bash",
  "nginx.conf": "nginx",
  profile: "bash",
};

/** The interpreter of a script's first line, and its language. */
const INTERPRETERS: [name: RegExp, language: string][] = [
  [/\b(ba|da|z|k)?sh\b/, "bash"],
  [/\bpython/, "python"],
  [/\bperl\b/, "perl"],
  [/\bruby\b/, "ruby"],
  [/\b(node|deno|bun)\b/, "javascript"],
  [/\bphp/, "php"],
  [/\blua/, "lua"],
];

/** The language of a file by its name and its first line; null where neither tells. */
export function languageOf(name: string, text: string): string | null {
  const lower = name.toLowerCase();
  const known = NAMES[lower] ?? ENDINGS[lower.slice(lower.lastIndexOf(".") + 1)];
  if (known !== undefined && (lower.includes(".") || NAMES[lower] !== undefined)) return known;
  if (!text.startsWith("#!")) return null;
  const first = text.slice(0, 200).split("\n", 1)[0] ?? "";
  return INTERPRETERS.find(([interpreter]) => interpreter.test(first))?.[1] ?? null;
}

/** Text as lines without any kind. */
export function plainLines(text: string): Token[][] {
  const body = text.endsWith("\n") ? text.slice(0, -1) : text;
  return body.split("\n").map((line) => [{ text: line, kind: "" }]);
}

/** Text as lines of tokens; plain where the language is unknown or the text is long. Loads the languages when first needed. */
export async function highlighted(name: string, text: string): Promise<Token[][]> {
  const language = languageOf(name, text);
  if (language === null || text.length > LONGEST) return plainLines(text);
  const { parse } = await import("./languages");
  return linesOf(parse(language, text));
}

/** Cuts tokens at the ends of lines. */
export function linesOf(tokens: Token[]): Token[][] {
  const lines: Token[][] = [[]];
  for (const { text, kind } of tokens) {
    text.split("\n").forEach((part, index) => {
      if (index > 0) lines.push([]);
      if (part !== "") lines.at(-1)?.push({ text: part, kind });
    });
  }
  // The line feed at the end ends the last line; it does not begin another one.
  if (lines.length > 1 && lines.at(-1)?.length === 0) lines.pop();
  return lines;
}
