import { formatBytes } from "../../text/size";
import { imageRow } from "../../test/engine";
import { diskSentence, onDisk, onlyHere, roomFor, tagLabels, title } from "./words";

test("an image without a name says so and shows its ID", () => {
  const row = imageRow("debian", { names: [], id: "sha256:3b3f5b000fda77" });
  expect(title(row)).toEqual({ name: "untagged", namespace: "3b3f5b000fda" });
  expect(tagLabels(row)).toEqual([]);
});

test("a tag of another repository is written with its repository", () => {
  const row = imageRow("debian");
  const other = { ...row.names[0]!, repository: "base", familiar: "base:12", tag: "12" };
  expect(tagLabels({ ...row, names: [...row.names, other] })).toEqual(["1", "base:12"]);
});

test("what is on disk for this image alone is said in words", () => {
  expect(onlyHere(imageRow("a", { uniqueSize: 0 }))).toBe("all shared");
  expect(onlyHere(imageRow("a", { uniqueSize: 733, sharedSize: 126e6 }))).toBe("all shared");
  expect(onlyHere(imageRow("a", { uniqueSize: 119e3, sharedSize: 152e6 }))).toBe("119 kB only here");
  expect(onlyHere(imageRow("a", { sharedSize: 0 }))).toBe("all only here");
  expect(onlyHere(imageRow("a", { uniqueSize: 62e6 }))).toBe("62 MB only here");
});

test("a size is bytes on disk, and what is unpacked has a name of its own", () => {
  const row = imageRow("a", { size: 100e6, uniqueSize: 10e6, sharedSize: 30e6 });
  expect(onDisk(row)).toBe(40e6);
  expect(diskSentence(row)).toBe(`${formatBytes(40e6)} on disk, ${formatBytes(100e6)} unpacked`);
  expect(diskSentence({ ...row, size: 40e6 })).toBe(`${formatBytes(40e6)} on disk`);
});

test("tags that would be cut to their first letter fold away instead", () => {
  expect(roomFor(["1", "1.0", "1.0.0", "latest", "stable"], 22)).toBe(2);
  expect(roomFor(["12", "bookworm", "stable"], 20)).toBe(1);
  expect(roomFor(["12", "bookworm", "stable"], 34)).toBe(3);
  expect(roomFor(["2", "latest"], 22)).toBe(2);
});

test("a tag too long for its line is shown all the same, and no tag makes none", () => {
  expect(roomFor(["2026.11.28-release-candidate-17"], 22)).toBe(1);
  expect(roomFor([], 22)).toBe(0);
});
