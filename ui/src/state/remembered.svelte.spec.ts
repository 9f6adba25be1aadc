import { flushSync } from "svelte";
import { afterEach, beforeEach, expect, it } from "vitest";
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
}

beforeEach(() => {
  localStorage.clear();
  reset();
});
afterEach(reset);

it("finds the list and the sidebar as they were left", () => {
  session(() => {
    images.view = "table";
    images.sort = "name";
    images.descending = false;
    windowMemory.collapsed = true;
  });
  reset();
  session(() => {});
  expect(images).toMatchObject({ view: "table", sort: "name", descending: false });
  expect(windowMemory.collapsed).toBe(true);
});

it("takes nothing that it does not understand", () => {
  for (const left of ["nonsense", "null", '{"view":"3d","sort":"colour","descending":1,"collapsed":"no"}']) {
    localStorage.setItem("strata.window", left);
    session(() => {});
    expect(images).toMatchObject({ view: "grid", sort: "created", descending: true });
    expect(windowMemory.collapsed).toBe(false);
  }
});
