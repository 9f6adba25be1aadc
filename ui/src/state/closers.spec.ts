import { expect, it } from "vitest";
import { closers } from "./closers";

it("closes what was opened last, and nothing twice", () => {
  const closed: string[] = [];
  const forget = closers.add(() => closed.push("map"));
  closers.add(() => closed.push("file"));
  expect(closers.closeLast()).toBe(true);
  expect(closed).toEqual(["file"]);
  const again = closers.add(() => closed.push("other"));
  forget();
  again();
  expect(closers.closeLast()).toBe(false);
  expect(closed).toEqual(["file"]);
});
