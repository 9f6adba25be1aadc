import { clearMocks } from "@tauri-apps/api/mocks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ChangeId, Undoable } from "../api";
import { fakeEngine, refuse, type FakeEngine } from "../test/engine";
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

/** A store that takes back its changes one after the other, the last first. */
function store(changes: Undoable[]): FakeEngine {
  return fakeEngine({
    undoable: () => changes.at(-1) ?? null,
    undo: (args) => {
      const only = args["only"] as ChangeId | null;
      const last = changes.at(-1);
      if (!last) refuse("nothing_to_undo", "There is nothing to undo.");
      if (only && only.number !== last.change.number)
        refuse("plan_stale", `Another change came after it, of ${last.names.join()}.`);
      changes.pop();
      const moves = last.names.map((name) => ({ name, from: null, to: "sha256:a" }));
      return { change: last.change, moves };
    },
  });
}

let number = 0;

function removal(name: string): Undoable {
  number += 1;
  return { change: { number, time: "2026-01-02T03:04:05Z" }, operation: "rmi", names: [name] };
}

function titles(): string[] {
  return toasts.list.map((toast) => toast.title);
}

describe("undo", () => {
  it("says what came back", async () => {
    store([removal("data:v1")]);
    await undo.run();
    expect(titles()).toEqual(["data:v1 is back"]);
  });

  it("says so when there is nothing to take back", async () => {
    store([]);
    await undo.run();
    expect(toasts.list[0]).toMatchObject({ title: "Nothing to undo", tone: "neutral" });
  });

  it("runs once at a time", async () => {
    const engine = store([removal("data:v1"), removal("data:v2")]);
    await Promise.all([undo.run(), undo.run()]);
    expect(engine.asked("undo")).toHaveLength(1);
  });
});

describe("a notice's undo", () => {
  it("takes back its own change", async () => {
    const engine = store([removal("data:v1")]);
    undo.offer(["data:v1"]).run();
    await expect.poll(titles).toEqual(["data:v1 is back"]);
    expect(engine.asked("undo")).toHaveLength(1);
  });

  it("takes back no other change that came after it", async () => {
    const changes = [removal("data:v1")];
    const engine = store(changes);
    const action = undo.offer(["data:v1"]);
    await expect.poll(() => engine.asked("undoable")).toHaveLength(1);
    changes.push(removal("data:v2"));
    action.run();
    await expect.poll(titles).toEqual(["This change can no longer be undone by itself"]);
    expect(toasts.list[0]?.detail).toBe("Another change came after it, of data:v2.");
    expect(changes).toHaveLength(2);
  });

  it("goes once its change is taken back by other means", async () => {
    const engine = store([removal("data:v1")]);
    toasts.show({ title: "Removed data:v1", action: undo.offer(["data:v1"]) });
    await expect.poll(() => engine.asked("undoable")).toHaveLength(1);
    await undo.run();
    expect(titles()).toEqual(["data:v1 is back"]);
  });

  it("tells its giver when the change is taken back", async () => {
    store([removal("data:v1")]);
    let told = 0;
    undo.offer(["data:v1"], () => (told += 1)).run();
    await expect.poll(() => told).toBe(1);
  });
});
