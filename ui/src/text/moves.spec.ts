import { movedNotice } from "./moves";

test("a name that moves says from which image, and how old that is", () => {
  const now = Date.parse("2024-01-05T00:00:00Z");
  const from = { id: "sha256:3b3f5b000fda77", created: "2024-01-03T00:00:00Z" };
  expect(movedNotice("app:1", from, now)).toBe(
    "app:1 exists: it moves here from 3b3f5b000fda (2\u00a0d\u00a0old)",
  );
  expect(movedNotice("app:1", { ...from, created: null }, now, true)).toBe(
    "app:1 exists there: it moves from 3b3f5b000fda",
  );
});
