import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import lua from "highlight.js/lib/languages/lua";
import makefile from "highlight.js/lib/languages/makefile";
import markdown from "highlight.js/lib/languages/markdown";
import nginx from "highlight.js/lib/languages/nginx";
import perl from "highlight.js/lib/languages/perl";
import php from "highlight.js/lib/languages/php";
import python from "highlight.js/lib/languages/python";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";
import type { Token } from "./highlight";

// Loaded with the first file that has a language: nothing of this is part of the window's start.
const lowlight = createLowlight({
  bash,
  c,
  cpp,
  css,
  diff,
  dockerfile,
  go,
  ini,
  java,
  javascript,
  json,
  lua,
  makefile,
  markdown,
  nginx,
  perl,
  php,
  python,
  ruby,
  rust,
  sql,
  typescript,
  xml,
  yaml,
});

/** What the colours tell apart; everything else looks like plain text. */
const KINDS: Record<string, string> = {
  comment: "comment",
  quote: "comment",
  meta: "meta",
  keyword: "keyword",
  literal: "number",
  number: "number",
  string: "string",
  regexp: "string",
  addition: "added",
  deletion: "removed",
  attr: "name",
  attribute: "name",
  variable: "name",
  "template-variable": "name",
  property: "name",
  title: "title",
  section: "title",
  name: "title",
  built_in: "keyword",
  type: "keyword",
};

interface Piece {
  type: string;
  value?: string;
  properties?: { className?: unknown };
  children?: Piece[];
}

/** Splits code into tokens. The pieces are text, never markup. */
export function parse(language: string, text: string): Token[] {
  const tokens: Token[] = [];
  const visit = (piece: Piece, kind: string): void => {
    if (piece.value !== undefined) tokens.push({ text: piece.value, kind });
    const own = kindOf(piece.properties?.className) ?? kind;
    for (const child of piece.children ?? []) visit(child, own);
  };
  visit(lowlight.highlight(language, text), "");
  return tokens;
}

function kindOf(classes: unknown): string | undefined {
  if (!Array.isArray(classes)) return undefined;
  const first: unknown = classes[0];
  return typeof first === "string" ? KINDS[first.replace("hljs-", "")] : undefined;
}
