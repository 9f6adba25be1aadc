import { waitFor } from "@testing-library/svelte";
import { emit } from "@tauri-apps/api/event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { fakeEngine, refuse, storedSettings } from "../test/engine";
import { archives } from "./archives.svelte";
import { operations } from "./operations.svelte";
import { startApp, tellOutcome } from "./start.svelte";
import { toasts } from "./toasts.svelte";

const outcome = {
  reference: "docker.io/library/data:v3",
  target: "sha256:t",
  images: ["sha256:t"],
  moved: [],
  fetchedBytes: 41e6,
  reusedBytes: 0,
  upToDate: false,
  foreign: false,
};
const quiet = { settings: () => storedSettings(), interrupted: () => [] };
const places = { openImage: vi.fn(), showActivity: vi.fn() };

beforeEach(() => {
  vi.clearAllMocks();
  operations.all = [];
  operations.interrupted = [];
  toasts.list = [];
});

describe("the app", () => {
  it("tells how a pull ended and leads to its image", async () => {
    fakeEngine({ ...quiet, pull: () => outcome });
    const stop = startApp(places);
    operations.pull("data:v3", null);
    await expect.poll(() => toasts.list[0]?.title).toBe("Pulled data:v3");
    expect(toasts.list[0]?.detail).toBe("41 MB fetched.");
    toasts.list[0]?.action?.run();
    expect(places.openImage).toHaveBeenCalledWith("sha256:t");
    stop();
  });

  it("tells a failure with what to do, and retries from there", async () => {
    const engine = fakeEngine({
      ...quiet,
      pull: () => refuse("timeout", "No answer.", "Check the network."),
    });
    const stop = startApp(places);
    operations.pull("data:v3", null);
    await expect
      .poll(() => toasts.list[0])
      .toMatchObject({ tone: "bad", detail: "No answer. Check the network." });
    toasts.list[0]?.action?.run();
    expect(engine.asked("pull")).toHaveLength(2);
    stop();
  });

  it("tells what a crash has cut off", async () => {
    const entry = { id: "a", reference: "model:2025", platform: null, doneBytes: 24e6, totalBytes: 34e6 };
    const engine = fakeEngine({ ...quiet, interrupted: () => [entry] });
    const stop = startApp(places);
    await expect.poll(() => toasts.list[0]?.title).toBe("Pulling model:2025 was cut off when Strata ended");
    expect(toasts.list[0]?.detail).toBe("24 of 34 MB are here; only the rest is fetched.");
    toasts.list[0]?.action?.run();
    expect(engine.asked("pull")[0]?.["reference"]).toBe("model:2025");
    stop();
  });

  it("shows several that a crash has cut off in one place", async () => {
    const entry = { reference: "model:2025", platform: null, doneBytes: 1, totalBytes: null };
    fakeEngine({
      ...quiet,
      interrupted: () => [
        { ...entry, id: "a" },
        { ...entry, id: "b" },
      ],
    });
    const stop = startApp(places);
    await expect.poll(() => toasts.list[0]?.title).toBe("2 pulls were cut off when Strata ended");
    toasts.list[0]?.action?.run();
    expect(places.showActivity).toHaveBeenCalledOnce();
    stop();
  });

  it("brings up the image of a clicked notification", async () => {
    fakeEngine(quiet);
    const stop = startApp(places);
    await waitFor(async () => {
      await emit("focus-image", { target: "sha256:t" });
      expect(places.openImage).toHaveBeenCalledWith("sha256:t");
    });
    stop();
  });
});

it("says what is true of a load that was cancelled too late: it is there, with the way back", async () => {
  const moved = [{ name: "app:1", from: null, to: "sha256:b" }];
  let come: (outcome: unknown) => void = () => {};
  fakeEngine({
    load: () => new Promise((resolve) => (come = resolve)),
    cancel: () => null,
    undoable: () => null,
  });
  archives.load({ token: "t1", name: "app.tar" }, []);
  const operation = operations.all[0];
  await operation?.cancel();
  come({ images: ["sha256:b"], moved, fetchedBytes: 41e6, reusedBytes: 0 });
  await expect.poll(() => operation?.status).toBe("done");
  if (operation) tellOutcome(operation, places);
  expect(toasts.list[0]).toMatchObject({ title: "Loaded app.tar", action: { label: "Undo" } });
  expect(toasts.list[0]?.detail).toMatch(/^It was complete before it could be cancelled\. 41 MB/);
});

it.each([
  [["app:1"], "app:1 is a new name here."],
  [["app:1", "data:v3"], "app:1 and data:v3 are new names here."],
])("says of a load that fetched nothing which names it made: %j", async (names, sentence) => {
  const moved = names.map((name) => ({ name, from: null, to: `sha256:${name}` }));
  fakeEngine({ load: () => ({ images: ["sha256:b"], moved, fetchedBytes: 0, reusedBytes: 41e6 }) });
  archives.load({ token: "t1", name: "app.tar" }, []);
  const operation = operations.all[0];
  await expect.poll(() => operation?.status).toBe("done");
  if (operation) tellOutcome(operation, places);
  expect(toasts.list[0]?.detail).toContain(sentence);
});

it.each([
  ["a copy to this computer", null, "Undo"],
  ["a copy to an engine, which keeps no journal,", "docker", undefined],
] as const)("%s that moved a name offers what can be done about it", async (_what, place, label) => {
  const moved = [{ name: "app:1", from: "sha256:a", to: "sha256:b" }];
  fakeEngine({ copy: () => ({ target: "sha256:b", names: ["app:1"], moved }), undoable: () => null });
  const operation = operations.copy({ place: "podman", image: "app:1" }, { place, image: "app:1" }, false);
  await expect.poll(() => operation.status).toBe("done");
  tellOutcome(operation, places);
  expect(toasts.list[0]?.action?.label).toBe(label);
});
