import { describe, expect, it } from "vitest";
import { layerHue } from "./hue";

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
