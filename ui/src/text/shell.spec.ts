import { expect, it } from "vitest";
import { quoted, shellLine } from "./shell";

it("writes words as a shell reads them", () => {
  expect(shellLine(["sh", "-c", "echo it's", ""])).toBe("sh -c 'echo it'\\''s' ''");
  expect(shellLine([])).toBe("");
  expect(quoted("data:v2")).toBe("data:v2");
});
