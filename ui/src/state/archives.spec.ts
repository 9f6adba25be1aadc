import { emit } from "@tauri-apps/api/event";
import { beforeEach, expect, it } from "vitest";
import { fakeEngine, refuse } from "../test/engine";
import { archives } from "./archives.svelte";
import { operations } from "./operations.svelte";
import { tellOutcome } from "./start.svelte";
import { toasts } from "./toasts.svelte";

const places = { openImage: () => {}, showActivity: () => {} };

beforeEach(() => {
  operations.all = [];
  toasts.list = [];
});

it("saves what was dropped on another program, once", async () => {
  const engine = fakeEngine({ save: () => refuse("disk_full", "The disk is full.") });
  const stop = archives.listen();
  await emit("images-dropped", { file: { token: "t1", name: "debian-12.tar" }, images: ["debian:12"] });
  await expect.poll(() => operations.all[0]?.status).toBe("failed");
  expect(engine.asked("save")).toMatchObject([
    { token: "t1", images: ["debian:12"], format: "docker", compression: "none", platforms: [] },
  ]);
  const [operation] = operations.all;
  if (operation) tellOutcome(operation, places);
  expect(toasts.list[0]).toMatchObject({ detail: "The disk is full.", action: undefined });
  stop();
});

it("shows a file's name without what reorders it", async () => {
  fakeEngine({ save: () => refuse("disk_full", "The disk is full.") });
  const stop = archives.listen();
  await emit("images-dropped", { file: { token: "t1", name: "evil\u202egpj.tar" }, images: ["debian:12"] });
  await expect.poll(() => operations.all[0]?.subject).toBe("evil\\u{202e}gpj.tar");
  stop();
});

it("writes a file that was dropped on another program, once", async () => {
  const engine = fakeEngine({ save_file: () => ({ files: 3, writtenBytes: 30, notes: [] }) });
  const stop = archives.listen();
  const source = { target: "sha256:a", view: { kind: "layer", layer: 2 }, path: "etc" };
  await emit("file-dropped", { file: { token: "t1", name: "etc" }, source });
  await expect.poll(() => operations.all[0]?.status).toBe("done");
  expect(engine.asked("save_file")).toMatchObject([{ token: "t1", ...source }]);
  expect(operations.all[0]?.work.once).toBe(true);
  stop();
});

it("lets the pointer take images, one by its name and several together", async () => {
  const engine = fakeEngine({ drag_images: () => null });
  const debian = { target: "sha256:d", names: ["debian:12"] };
  await archives.drag([debian]);
  await archives.drag([debian, { target: "sha256:n", names: [] }]);
  expect(engine.asked("drag_images")).toEqual([
    { images: ["debian:12"], name: "debian-12.tar" },
    { images: ["debian:12", "sha256:n"], name: "images.tar" },
  ]);
});

it("says how many images a load brought, and shows none of them alone", async () => {
  const loaded = { images: ["sha256:a", "sha256:b"], moved: [], fetchedBytes: 16e6, reusedBytes: 0 };
  fakeEngine({ load: () => loaded });
  archives.load({ token: "t1", name: "oci" }, []);
  await expect.poll(() => operations.all[0]?.outcome).toMatchObject({ imageCount: 2, target: null });
});

it("offers to undo a load that moved names, and says which", async () => {
  const move = { name: "app:1", from: "sha256:a", to: "sha256:b" };
  const made = { name: "app:new", from: null, to: "sha256:b" };
  const loaded = { images: ["sha256:b"], moved: [made, move], fetchedBytes: 5e6, reusedBytes: 0 };
  const change = { number: 1, time: "2026-01-02T03:04:05Z" };
  const last = { change, operation: "load", names: ["app:1", "app:new"] };
  const engine = fakeEngine({
    load: () => loaded,
    undoable: () => last,
    undo: () => ({ change, moves: [] }),
  });
  archives.load({ token: "t1", name: "app.tar" }, []);
  await expect.poll(() => operations.all[0]?.status).toBe("done");
  const [operation] = operations.all;
  if (operation) tellOutcome(operation, places);
  const [toast] = toasts.list;
  expect(toast?.detail).toBe("5 MB read. app:1 points to another image than before.");
  expect(toast?.action?.label).toBe("Undo");
  toast?.action?.run();
  await expect.poll(() => engine.asked("undo")).toEqual([{ only: change }]);
});
