import { afterEach, expect, it } from "vitest";
import { dialogs } from "./dialogs.svelte";

afterEach(() => {
  dialogs.close();
});

it("opens and closes the palette with the same key", () => {
  dialogs.togglePalette();
  expect(dialogs.current?.kind).toBe("palette");
  dialogs.togglePalette();
  expect(dialogs.current).toBeNull();
});

it("does not put the palette in the place of another dialog", () => {
  dialogs.openPull("data:v1");
  dialogs.togglePalette();
  expect(dialogs.current).toEqual({ kind: "pull", reference: "data:v1" });
});
