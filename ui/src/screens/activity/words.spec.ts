import { describe, expect, it } from "vitest";
import { secondsUntil, sizeOfSize } from "./words";

describe("sizeOfSize", () => {
  it("says the unit once where it is the same", () => {
    expect(sizeOfSize(318e6, 575e6)).toBe("318 of 575 MB");
  });

  it("says both units where they differ", () => {
    expect(sizeOfSize(0, 575e6)).toBe("0 B of 575 MB");
    expect(sizeOfSize(980e3, 1.2e6)).toBe("980 kB of 1.2 MB");
  });

  it("does not take the end of one unit for another", () => {
    expect(sizeOfSize(5e6, 100)).toBe("5 MB of 100 B");
  });
});

describe("secondsUntil", () => {
  it("counts down to nothing and stops there", () => {
    expect([11_200, 500, 0, -4_000].map((left) => secondsUntil(left, 0))).toEqual([12, 1, 0, 0]);
  });
});
