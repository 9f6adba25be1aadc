import { describe, expect, it } from "vitest";
import { containersSentence, removedSentence, removeLabel } from "./words";

const image = { target: "sha256:a", id: "sha256:b", names: [], size: 1, layers: [] };
const name = { name: "data:v1", target: "sha256:a" };

describe("removeLabel", () => {
  it("carries the numbers", () => {
    expect(removeLabel({ deleted: [image, image, image], untaggedOnly: [], freedBytes: 412e6 })).toBe(
      "Remove 3 images, free 412 MB",
    );
  });

  it("promises no bytes where only names go", () => {
    expect(removeLabel({ deleted: [], untaggedOnly: [name], freedBytes: 0 })).toBe("Remove 1 name");
  });

  it("tells names from images", () => {
    expect(removeLabel({ deleted: [image], untaggedOnly: [name, name], freedBytes: 5e6 })).toBe(
      "Remove 1 image and 2 names, free 5 MB",
    );
  });

  it("says when there is nothing to do", () => {
    expect(removeLabel({ deleted: [], untaggedOnly: [], freedBytes: 0 })).toBe("Nothing to remove");
  });
});

describe("removedSentence", () => {
  it("says what really went", () => {
    const removed = { untagged: ["a", "b"], deleted: ["sha256:a"], freedBytes: 88e6, undoable: true };
    expect(removedSentence(removed, 0)).toBe("Removed 1 image, frees 88 MB");
    expect(removedSentence({ ...removed, deleted: [], freedBytes: 0 }, 2)).toBe("Removed 2 names");
  });

  it("names what went, where it is one", () => {
    const removed = { untagged: ["a"], deleted: ["sha256:a"], freedBytes: 88e6, undoable: true };
    expect(removedSentence(removed, 0)).toBe("Removed a, frees 88 MB");
    expect(removedSentence({ ...removed, deleted: [], freedBytes: 0 }, 1)).toBe("Removed a");
  });
});

describe("containersSentence", () => {
  it("names what goes with an image and says what is lost", () => {
    expect(containersSentence(["web"])).toBe(
      "Force also removes its container web, with all that was changed in it.",
    );
    expect(containersSentence(["web", "db"])).toBe(
      "Force also removes 2 containers, with all that was changed in them: web, db.",
    );
  });
});
