import { expect, it } from "vitest";
import { mapNode } from "../../test/files";
import { nextTile, tilesOf, type Direction } from "./tiles";

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

it("a step leads to the nearest tile that way, a folder being where its name is", () => {
  const node = (path: string) => mapNode(path, null, 1);
  const tile = (path: string, left: number, top: number, width: number, height: number, frame = false) => ({
    node: node(path),
    ...{ left, top, width, height, frame, filled: !frame },
  });
  // Two columns: a folder with two files in it beside a tall file.
  const tiles = [
    tile("dir", 0, 0, 100, 100, true),
    tile("dir/a", 2, 18, 96, 40),
    tile("dir/b", 2, 59, 96, 39),
    tile("c", 101, 0, 99, 100),
  ];
  const steps = (from: string, ...way: Direction[]): string | undefined => {
    let at = tiles.findIndex((one) => one.node.path === from);
    for (const direction of way) at = nextTile(tiles, at, direction);
    return tiles[at]?.node.path;
  };
  expect(steps("dir", "down")).toBe("dir/a");
  expect(steps("dir", "down", "down")).toBe("dir/b");
  expect(steps("dir/b", "up", "up")).toBe("dir");
  expect(steps("dir/b", "right")).toBe("c");
  expect(steps("c", "right")).toBe("c");
  expect(steps("c", "left")).toMatch(/^dir/);
  expect(steps("dir", "up")).toBe("dir");
  expect(nextTile([], -1, "up")).toBe(-1);
});

it("every tile of a picture can be reached with the arrow keys", () => {
  const nodes = [mapNode("", null, 0, true)];
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
  for (let place = 1; place < 120; place += 1) {
    const parent = random(Math.min(place, 12));
    nodes.push(mapNode(`n${String(place)}`, parent, 1 + random(900), place < 12));
  }
  for (const node of nodes.filter((one) => one.folder)) node.bytes = 0;
  for (const node of [...nodes].reverse())
    if (node.parent !== null && nodes[node.parent]) nodes[node.parent]!.bytes += node.bytes;
  const tiles = tilesOf(nodes, 800, 500);
  const reached = new Set([0]);
  const waiting = [0];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const direction of ["left", "right", "up", "down"] as const) {
      const next = nextTile(tiles, at, direction);
      if (!reached.has(next)) waiting.push(next);
      reached.add(next);
    }
  }
  expect(tiles.length).toBeGreaterThan(20);
  expect(tiles.filter((_, place) => !reached.has(place)).map((tile) => tile.node.path)).toEqual([]);
});
