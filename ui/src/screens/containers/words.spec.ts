import { describe, expect, it } from "vitest";
import { containerRow } from "../../test/containers";
import { changesWords, endWords, lineEnd, octal, readId, readOctal, statusWords } from "./words";

describe("words about containers", () => {
  it("say what one does and what was changed", () => {
    expect(statusWords(containerRow())).toBe("not run yet");
    expect(statusWords(containerRow({ status: "exited", exitCode: 1 }))).toBe("exited 1");
    const running = containerRow({ status: "running", running: true, started: "2026-11-24T21:29:00Z" });
    expect(statusWords(running)).toMatch(/^running since .*2026/);
    expect(changesWords(containerRow({ changes: 0, size: 0 }))).toBe("nothing changed");
    expect(changesWords(containerRow())).toBe("4 changes, 1.2 MB");
  });
});

describe("the end of a program", () => {
  it("is told by its code, and by the signal that is behind it", () => {
    expect(endWords({ code: 0, failure: null })).toBe("Ended with exit code 0");
    expect(endWords({ code: 137, failure: null })).toBe("Ended with exit code 137, killed");
    const failure = { code: "run_failed", message: "The monitor was killed.", hint: null, registry: null };
    expect(endWords({ code: null, failure })).toBe("The monitor was killed.");
  });
});

describe("permissions and owners", () => {
  it("are read as they are written", () => {
    expect(octal(0o644)).toBe("0644");
    expect(readOctal("1777")).toBe(0o1777);
    expect(readOctal("644")).toBe(0o644);
    for (const bad of ["", "888", "77777", "rwx", "-1"]) expect(readOctal(bad)).toBeNull();
    expect(readId("1000")).toBe(1000);
    for (const bad of ["", "-1", "4294967295", "root", "1.5"]) expect(readId(bad)).toBeNull();
  });
});

describe("ends of lines", () => {
  it("are kept where there is one kind of them", () => {
    expect(lineEnd("a\nb\n")).toBe("\n");
    expect(lineEnd("")).toBe("\n");
    expect(lineEnd("a\r\nb\r\n")).toBe("\r\n");
    expect(lineEnd("a\r\nb\n")).toBeNull();
    expect(lineEnd("a\rb")).toBeNull();
  });
});
