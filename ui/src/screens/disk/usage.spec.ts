import { describe, expect, it } from "vitest";
import type { DiskUsage } from "../../api";
import { usageParts } from "./usage";

const usage: DiskUsage = {
  images: 3,
  imagesSize: 1000,
  layers: 5,
  layersSize: 990,
  layersShared: 400,
  containers: 0,
  containersSize: 0,
  indexesSize: 20,
  partialSize: 30,
  totalSize: 1300,
  unpackedSize: 0,
  prunable: 30,
  keptSize: 100,
};

describe("usageParts", () => {
  it("adds up to the folder's size", () => {
    const total = usageParts(usage).reduce((sum, part) => sum + part.bytes, 0);
    expect(total).toBe(1300);
  });

  it("gives what nobody named to bookkeeping", () => {
    expect(usageParts(usage).at(-1)).toMatchObject({ key: "rest", bytes: 150 });
  });

  it("leaves out what takes nothing", () => {
    expect(usageParts(usage).map((part) => part.key)).toEqual([
      "only",
      "shared",
      "partial",
      "indexes",
      "kept",
      "rest",
    ]);
    expect(usageParts({ ...usage, totalSize: 1150 }).map((part) => part.key)).not.toContain("rest");
  });
});
