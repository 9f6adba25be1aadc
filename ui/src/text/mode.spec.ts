import { expect, test } from "vitest";
import { formatMode } from "./mode";

test("permissions read as ls writes them", () => {
  expect(formatMode(0o644, "file")).toBe("-rw-r--r--");
  expect(formatMode(0o755, "folder")).toBe("drwxr-xr-x");
  expect(formatMode(0o4755, "file")).toBe("-rwsr-xr-x");
  expect(formatMode(0o2644, "file")).toBe("-rw-r-Sr--");
  expect(formatMode(0o1777, "folder")).toBe("drwxrwxrwt");
  expect(formatMode(0o777, "symlink")).toBe("lrwxrwxrwx");
});
