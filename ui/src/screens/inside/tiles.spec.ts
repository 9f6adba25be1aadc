import { expect, it } from "vitest";
import { mapNode } from "../../test/files";
import { tilesOf } from "./tiles";

it("a tile's area follows the bytes, inside its folder's frame", () => {
  const nodes = [
    mapNode("", null, 400, true),
    mapNode("usr", 0, 300, true),
    mapNode("srv", 0, 100),
    mapNode("usr/big", 1, 200),
    mapNode("usr/small", 1, 100),
  ];
  const tiles = tilesOf(nodes, 400, 300);
  const by = (path: string): (typeof tiles)[number] => {
    const found = tiles.find((tile) => tile.node.path === path);
    if (!found) throw new Error(`no tile for ${path}`);
    return found;
  };
  expect(tiles.map((tile) => tile.node.path).indexOf("usr")).toBeLessThan(
    tiles.map((tile) => tile.node.path).indexOf("usr/big"),
  );
  expect(by("usr").frame).toBe(true);
  const area = (path: string): number => by(path).width * by(path).height;
  expect(area("usr/big") / area("usr/small")).toBeCloseTo(2, 0);
  const [frame, inner] = [by("usr"), by("usr/big")];
  expect(inner.left).toBeGreaterThanOrEqual(frame.left);
  expect(inner.top).toBeGreaterThanOrEqual(frame.top + 18);
});

it("what is too small to be in the list keeps its room", () => {
  const nodes = [{ ...mapNode("", null, 400, true), rest: 300 }, mapNode("a", 0, 100)];
  const [tile] = tilesOf(nodes, 100, 100);
  expect((tile?.width ?? 0) * (tile?.height ?? 0)).toBeLessThan(3000);
});

it("an empty folder has no tiles, and neither has a picture without room", () => {
  expect(tilesOf([mapNode("", null, 0, true)], 100, 100)).toEqual([]);
  expect(tilesOf([mapNode("", null, 5, true), mapNode("a", 0, 5)], 0, 100)).toEqual([]);
  expect(tilesOf([], 100, 100)).toEqual([]);
});

it("fifty levels of folders are one tile where there is no room for names", () => {
  const nodes = Array.from({ length: 50 }, (_, depth) =>
    mapNode(`f${String(depth)}`, depth === 0 ? null : depth - 1, 10, depth < 49),
  );
  const tiles = tilesOf(nodes, 60, 60);
  expect(tiles.filter((tile) => tile.filled)).toHaveLength(1);
});
