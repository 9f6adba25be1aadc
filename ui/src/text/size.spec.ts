import { formatBytes, formatCount, formatSize } from "./size";

test("sizes are decimal with three significant digits", () => {
  expect(formatSize(11)).toBe("11 B");
  expect(formatSize(999_999)).toBe("1 MB");
  expect(formatSize(1_436_812_301)).toBe("1.44 GB");
});

test("exact counts are grouped and agree with their noun", () => {
  expect(formatBytes(1_436_812)).toBe("1\u202f436\u202f812 bytes");
  expect(formatCount(1, "image")).toBe("1 image");
});
