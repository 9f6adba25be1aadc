import { describe, expect, it } from "vitest";
import { secondsUntil } from "./words";

describe("secondsUntil", () => {
  it("counts down to nothing and stops there", () => {
    expect([11_200, 500, 0, -4_000].map((left) => secondsUntil(left, 0))).toEqual([12, 1, 0, 0]);
  });
});
