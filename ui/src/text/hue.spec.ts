import { describe, expect, it } from "vitest";
import { layerEdges, layerHue } from "./hue";

describe("layerHue", () => {
  it("gives a layer the same hue every time", () => {
    expect(layerHue("sha256:00000001aa")).toBe(layerHue("sha256:00000001bb"));
    expect(layerHue("sha256:00000000")).toBe(25);
    expect(layerHue("sha256:00000001")).toBe(55);
  });

  it("knows twelve hues and no more", () => {
    const hues = new Set(
      Array.from({ length: 500 }, (_, index) => layerHue(index.toString(16).padStart(8, "0"))),
    );
    expect(hues.size).toBe(12);
  });

  it("gives text that is no digest a hue too", () => {
    expect(layerHue("not a digest")).toBe(25);
  });
});

describe("layerEdges", () => {
  const [red, other] = ["sha256:00000000", "sha256:00000001"];
  const alsoRed = "sha256:0000000c";

  it("tells neighbours of one hue apart, and leaves others alone", () => {
    expect(layerHue(alsoRed)).toBe(layerHue(red));
    expect(layerEdges([red, other, red])).toEqual([false, false, false]);
    expect(layerEdges([other, red, alsoRed])).toEqual([false, false, true]);
    expect(layerEdges([red, alsoRed, red, alsoRed])).toEqual([false, true, false, true]);
    expect(layerEdges([])).toEqual([]);
  });
});
