import { describe, expect, it } from "vitest";
import { fuzzyScore, rank } from "./fuzzy";

function order(query: string, texts: string[]): string[] {
  return texts
    .map((text) => ({ text, score: fuzzyScore(query, text) }))
    .filter((entry) => entry.score !== null)
    .sort((a, b) => (b.score ?? 0) - (a.score ?? 0))
    .map((entry) => entry.text);
}

describe("fuzzyScore", () => {
  it("puts the start of a text before the start of a word before the inside of one", () => {
    expect(order("pu", ["Cancel pulling", "Output", "Pull image"])).toEqual([
      "Pull image",
      "Cancel pulling",
      "Output",
    ]);
  });

  it("wants every word, in any order", () => {
    expect(order("disk go", ["Go to disk", "Go to settings"])).toEqual(["Go to disk"]);
  });

  it("finds letters in order when nothing better is there", () => {
    expect(order("chkst", ["Check the store", "Settings"])).toEqual(["Check the store"]);
  });

  it("takes an empty question for any text", () => {
    expect(fuzzyScore("  ", "Pull image")).toBe(0);
  });
});

describe("rank", () => {
  it("puts what is called so before what has that among its other words", () => {
    const engine = rank(
      "go to images",
      "Go to DOCKER_HOST",
      "docker podman engine context images containers",
    );
    const here = rank("go to images", "Go to images on this computer", "list home");
    expect(here).toBeGreaterThan(engine ?? 0);
  });

  it("still finds by other words", () => {
    expect(rank("download", "Pull image…", "download get")).not.toBeNull();
    expect(rank("nothing like it", "Pull image…", "download get")).toBeNull();
  });
});
