import { flushSync } from "svelte";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fakeEngine } from "../test/engine";
import { images } from "./images.svelte";
import { windowMemory } from "./remembered.svelte";

/** Opens a window, lets `act` happen in it, and closes it. */
function session(act: () => void): void {
  const close = $effect.root(() => {
    windowMemory.follow();
  });
  act();
  flushSync();
  close();
}

function reset(): void {
  images.view = "grid";
  images.sort = "created";
  images.descending = true;
  windowMemory.collapsed = false;
  windowMemory.usual();
}

beforeEach(() => {
  localStorage.clear();
  reset();
});
afterEach(reset);

it("finds the list and the sidebar as they were left", () => {
  session(() => {
    images.view = "table";
    images.sort = "unique";
    images.descending = false;
    windowMemory.collapsed = true;
  });
  reset();
  session(() => {});
  expect(images).toMatchObject({ view: "table", sort: "unique", descending: false });
  expect(windowMemory.collapsed).toBe(true);
});

it("draws everything as large as it was made, and no larger than there is a size", () => {
  const engine = fakeEngine({ zoom: () => null });
  session(() => {
    windowMemory.larger();
    windowMemory.larger();
    flushSync();
    windowMemory.smaller();
  });
  expect(engine.asked("zoom")).toEqual([{ percent: 125 }, { percent: 110 }]);
  reset();
  session(() => {});
  expect(windowMemory.zoom).toBe(110);
  for (let step = 0; step < 20; step += 1) windowMemory.larger();
  expect(windowMemory.zoom).toBe(250);
  windowMemory.usual();
  expect(windowMemory.zoom).toBe(100);
});

it("takes nothing that it does not understand", () => {
  for (const left of [
    "nonsense",
    "null",
    '{"view":"3d","sort":"colour","descending":1,"collapsed":"no","zoom":1000}',
  ]) {
    localStorage.setItem("strata.window", left);
    session(() => {});
    expect(images).toMatchObject({ view: "grid", sort: "created", descending: true });
    expect(windowMemory.collapsed).toBe(false);
    expect(windowMemory.zoom).toBe(100);
  }
});
