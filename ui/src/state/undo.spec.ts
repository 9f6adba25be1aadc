import { clearMocks, mockIPC } from "@tauri-apps/api/mocks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toasts } from "./toasts.svelte";
import { describeUndo, undo } from "./undo.svelte";

beforeEach(() => {
  toasts.list = [];
});
afterEach(() => {
  clearMocks();
});

describe("describeUndo", () => {
  it("tells names that came back from names that moved and names that went", () => {
    expect(
      describeUndo([
        { name: "data:v1", from: null, to: "sha256:a" },
        { name: "data:v2", from: null, to: "sha256:a" },
        { name: "data:latest", from: "sha256:b", to: "sha256:a" },
        { name: "data:test", from: "sha256:b", to: null },
      ]),
    ).toBe("data:v1 and data:v2 are back, data:latest points where before, data:test is off again");
  });

  it("counts what does not fit in a sentence", () => {
    const moves = ["a", "b", "c", "d"].map((name) => ({ name, from: null, to: "sha256:a" }));
    expect(describeUndo(moves)).toBe("a, b and 2 more are back");
  });
});

describe("undo", () => {
  it("says what came back", async () => {
    mockIPC(() => [{ name: "data:v1", from: null, to: "sha256:a" }]);
    await undo.run();
    expect(toasts.list.map((toast) => toast.title)).toEqual(["data:v1 is back"]);
  });

  it("says so when there is nothing to take back", async () => {
    mockIPC(() => {
      throw { code: "nothing_to_undo", message: "There is nothing to undo.", hint: null };
    });
    await undo.run();
    expect(toasts.list[0]).toMatchObject({ title: "Nothing to undo", tone: "neutral" });
  });

  it("runs once at a time", async () => {
    let calls = 0;
    mockIPC(() => {
      calls += 1;
      return [];
    });
    await Promise.all([undo.run(), undo.run()]);
    expect(calls).toBe(1);
  });
});
