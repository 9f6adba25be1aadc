import { expect, it } from "vitest";
import { outlineRow } from "../../test/files";
import { corePieces, thickness } from "./core";
import { layeredDetail } from "../../test/files";
import { hexLines } from "./hex";
import { percent } from "./percent";
import { changeOf, changeSentence, instruction, sourceWords, touchWords } from "./words";

it("an instruction is told without its builder's words", () => {
  expect(instruction("/bin/sh -c #(nop)  ENV A=b", 1)).toBe("ENV A=b");
  expect(instruction("/bin/sh -c apt-get update", 1)).toBe("RUN apt-get update");
  expect(instruction("RUN /bin/sh -c make # buildkit", 1)).toBe("RUN make");
  expect(instruction("/bin/sh", 2)).toBe("/bin/sh");
  expect(instruction(null, 2)).toBe("Layer 2");
});

it("what happened is a word for a file and a count for a folder", () => {
  expect(changeOf(outlineRow("a", { change: "added", hiddenBy: 3 })).words).toBe("added, hidden by 3");
  const folder = {
    ...outlineRow("etc", { kind: "folder", change: "changed" }),
    addedBelow: 1842,
    removedBelow: 2,
  };
  expect(changeOf(folder)).toEqual({ change: "added", words: "1\u202f842 added" });
  expect(changeSentence(folder)).toBe("Changed, 1\u202f842 added below, 2 removed below");
  const gone = { ...outlineRow("doc", { kind: "folder", change: "removed" }), removedBelow: 5210 };
  expect(changeOf(gone)).toEqual({ change: "removed", words: "5\u202f210 removed" });
  expect(changeOf(outlineRow("run", { kind: "folder" })).words).toBe("");
  expect(touchWords({ layer: 2, change: null, size: 9 })).toBe("has it unchanged, 9 B");
});

it("every cause of waste has a way out", () => {
  for (const cause of ["removed", "replaced", "repeated"] as const) {
    const words = sourceWords({ layer: 1, later: 2, cause, bytes: 44e6, files: 31, folder: "/var/lib" });
    expect(words.what).toMatch(/^Layer 2 .*44 MB of layer 1.*31 files, most in \/var\/lib/);
    expect(words.advice).not.toBe("");
  }
});

it("a part is never rounded up to all", () => {
  expect([
    percent(1),
    percent(0.9996),
    percent(0.913),
    percent(0.0123),
    percent(1.254),
    percent(null),
  ]).toEqual(["100 %", "99.9 %", "91 %", "1.2 %", "125 %", "100 %"]);
});

it("bytes are shown as hexdump shows them", () => {
  const [line, last] = hexLines(Uint8Array.from([...Array(17).keys()].map((byte) => byte + 0x30)));
  expect(line?.bytes).toBe("30 31 32 33 34 35 36 37  38 39 3a 3b 3c 3d 3e 3f");
  expect(line?.text).toBe("0123456789:;<=>?");
  expect(last).toEqual({ offset: "000010", bytes: "40", text: "@" });
});

it("the core has the newest layer on top, settings between layers, and every layer without a history", () => {
  const detail = layeredDetail();
  expect(corePieces(detail).map(({ number }) => number)).toEqual([2, null, 1]);
  detail.history = detail.history.slice(0, 1);
  expect(corePieces(detail).map(({ number, step }) => [number, step?.comment ?? null])).toEqual([
    [2, "Node for the dashboard"],
    [1, null],
  ]);
  const [small, large] = detail.layers;
  if (small && large) expect(thickness(large)).toBeGreaterThan(thickness(small));
});
