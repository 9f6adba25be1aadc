import { beforeEach, describe, expect, it, vi } from "vitest";
import { carry } from "./carry.svelte";
import { dialogs } from "./dialogs.svelte";
import { windowMemory } from "./remembered.svelte";

const image = { from: null, image: "sha256:a", id: "sha256:id", names: ["app:1"] };

function at(x: number, y: number, button = 0): PointerEvent {
  return new MouseEvent("pointermove", { clientX: x, clientY: y, button, buttons: 1 }) as PointerEvent;
}

function over(place: string | null): void {
  const element = document.createElement("div");
  if (place !== null) element.dataset["place"] = place;
  document.elementFromPoint = vi.fn(() => element);
}

beforeEach(() => {
  dialogs.close();
  carry.cancel();
  windowMemory.usual();
});

describe("carrying an image", () => {
  it("onto a place opens the copy to it", () => {
    over("docker");
    carry.press(image, at(100, 100));
    carry.move(at(40, 100));
    expect(carry.over).toEqual({ place: "docker" });
    carry.release();
    expect(dialogs.current).toEqual({ kind: "copy", image: { ...image, to: "docker" } });
    expect(carry.takesClick()).toBe(true);
    expect(carry.takesClick()).toBe(false);
  });

  it("is a click where it hardly moved", () => {
    over("docker");
    carry.press(image, at(100, 100));
    carry.move(at(103, 101));
    carry.release();
    expect(dialogs.current).toBeNull();
    expect(carry.takesClick()).toBe(false);
  });

  it("goes on out of the window where it can, past a place at the window's edge", () => {
    over("docker");
    const leave = vi.fn();
    carry.press(image, at(100, 100), leave);
    carry.move(at(-10, 100));
    expect(carry).toMatchObject({ image, over: { place: "docker" }, leaves: true });
    carry.move(at(-60, 100));
    expect(carry).toMatchObject({ image: null, over: null });
    carry.move(at(-80, 100));
    carry.release();
    expect(leave).toHaveBeenCalledOnce();
    expect(dialogs.current).toBeNull();
    expect(carry.takesClick()).toBe(false);
  });

  it("comes back over the window, and onto a place there", () => {
    over("docker");
    carry.press(image, at(100, 100), vi.fn());
    carry.move(at(-60, 100));
    carry.returned({ at: { x: 20, y: 80 }, released: false });
    expect(carry).toMatchObject({ image, x: 20, y: 80, over: { place: "docker" }, leaves: true });
    carry.returned({ at: null, released: false });
    expect(carry).toMatchObject({ image: null, over: null });
    carry.returned({ at: { x: 20, y: 90 }, released: true });
    expect(dialogs.current).toEqual({ kind: "copy", image: { ...image, to: "docker" } });
    expect(carry.takesClick()).toBe(false);
  });

  it("comes back to where the page has that point, however large the page is drawn", () => {
    const found = vi.fn<(x: number, y: number) => Element | null>(() => null);
    over("docker");
    carry.press(image, at(100, 100), vi.fn());
    carry.move(at(-60, 100));
    document.elementFromPoint = found;
    windowMemory.zoom = 200;
    carry.returned({ at: { x: 20, y: 80 }, released: false });
    expect(found.mock.calls).toEqual([[10, 40]]);
    expect(carry).toMatchObject({ image, x: 10, y: 40 });
  });

  it("is over where it is let go elsewhere", () => {
    over("docker");
    carry.press(image, at(100, 100), vi.fn());
    carry.move(at(-60, 100));
    carry.returned({ at: null, released: true });
    carry.returned({ at: { x: 20, y: 90 }, released: true });
    expect(dialogs.current).toBeNull();
  });

  it("stays in the window where it cannot leave it", () => {
    over(null);
    carry.press(image, at(100, 100));
    carry.move(at(100, window.innerHeight + 300));
    expect(carry).toMatchObject({ image, over: null, leaves: false });
  });

  it("does nothing over the place that it comes from, or over none", () => {
    for (const place of ["", null]) {
      over(place);
      carry.press(image, at(100, 100));
      carry.move(at(40, 100));
      carry.release();
      expect(dialogs.current).toBeNull();
    }
  });

  it("takes no click that comes after another movement", () => {
    over(null);
    carry.press(image, at(100, 100));
    carry.move(at(40, 100));
    carry.release();
    carry.move(at(50, 100));
    expect(carry.takesClick()).toBe(false);
  });
});
