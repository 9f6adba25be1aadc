import { formatBytes, formatCount, formatSize, sizeOfSize } from "./size";

test("sizes are decimal with three significant digits", () => {
  expect(formatSize(11)).toBe("11 B");
  expect(formatSize(999_999)).toBe("1 MB");
  expect(formatSize(1_436_812_301)).toBe("1.44 GB");
});

test("exact counts are grouped and agree with their noun", () => {
  expect(formatBytes(1_436_812)).toBe("1\u202f436\u202f812 bytes");
  expect(formatCount(1, "image")).toBe("1 image");
});

test("two sizes say their unit once where it is the same", () => {
  expect(sizeOfSize(318e6, 575e6)).toBe("318 of 575 MB");
  expect(sizeOfSize(0, 575e6)).toBe("0 B of 575 MB");
  expect(sizeOfSize(980e3, 1.2e6)).toBe("980 kB of 1.2 MB");
  expect(sizeOfSize(5e6, 100)).toBe("5 MB of 100 B");
});
