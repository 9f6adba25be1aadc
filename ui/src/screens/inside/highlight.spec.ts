import { expect, it } from "vitest";
import { highlighted, languageOf, linesOf, plainLines } from "./highlight";

it("the language is told by the name, else by the first line", () => {
  expect(languageOf("os-release", "")).toBe("ini");
  expect(languageOf("site.py", "")).toBe("python");
  expect(languageOf("Dockerfile", "")).toBe("dockerfile");
  expect(languageOf("run", "#!/usr/bin/env python3\n")).toBe("python");
  expect(languageOf("start", "#!/bin/sh -e\n")).toBe("bash");
  expect(languageOf("sh", "no script")).toBeNull();
  expect(languageOf("README", "words")).toBeNull();
});

it("code becomes tokens line by line, and every character stays", async () => {
  const text = 'NAME="Debian"\n# about\nID=debian\n';
  const lines = await highlighted("os-release", text);
  expect(lines).toHaveLength(3);
  expect(lines.flat().find((token) => token.text.includes("Debian"))?.kind).toBe("string");
  expect(lines[1]).toEqual([{ text: "# about", kind: "comment" }]);
  expect(lines.map((line) => line.map((token) => token.text).join("")).join("\n")).toBe(text.trimEnd());
});

it("markup in a file stays text", async () => {
  const lines = await highlighted("a.html", "<script>alert(1)</script>\n<b>");
  expect(lines.map((line) => line.map((token) => token.text).join(""))).toEqual([
    "<script>alert(1)</script>",
    "<b>",
  ]);
});

it("a long text stays plain", async () => {
  const text = "key=value\n".repeat(10_000);
  expect((await highlighted("a.conf", text)).flat().every((token) => token.kind === "")).toBe(true);
});

it("empty lines are lines", () => {
  expect(plainLines("a\n\nb")).toHaveLength(3);
  expect(linesOf([{ text: "/*\n*/", kind: "comment" }])).toEqual([
    [{ text: "/*", kind: "comment" }],
    [{ text: "*/", kind: "comment" }],
  ]);
});
