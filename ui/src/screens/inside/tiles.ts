import { hierarchy, treemap, type HierarchyRectangularNode } from "d3-hierarchy";
import type { MapNode } from "../../api";

/** A rectangle of the picture, in its pixels. */
export interface Tile {
  node: MapNode;
  left: number;
  top: number;
  width: number;
  height: number;
  /** It is a folder with its name above what is in it. */
  frame: boolean;
  /** It is drawn in the colour of its layer, because nothing of what is in it is drawn. */
  filled: boolean;
}

/** The height of a folder's name. */
const HEADER = 18;
const GAP = 1;
/** A tile below so many pixels on a side is a speck that nobody can point at. */
const SPECK = 4;
/** A folder below this has no room for its name. */
const NAMED_WIDTH = 56;
const NAMED_HEIGHT = 44;

interface Datum {
  node: MapNode;
  children: Datum[];
}

/** Lays the largest things of a folder out: a folder's tile before those of what is in it. The folder itself has none. */
export function tilesOf(nodes: MapNode[], width: number, height: number): Tile[] {
  const data = nodes.map((node): Datum => ({ node, children: [] }));
  for (const datum of data) {
    if (datum.node.parent !== null) data[datum.node.parent]?.children.push(datum);
  }
  const [top] = data;
  if (!top || top.node.bytes === 0 || width < 1 || height < 1) return [];
  // What is too small to be in the list takes its room all the same: it is the empty part of its folder.
  const tree = hierarchy(top, (datum) => datum.children)
    .sum((datum) => (datum.children.length > 0 ? datum.node.rest : datum.node.bytes))
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const hasName = (place: HierarchyRectangularNode<Datum>): boolean =>
    place.depth > 0 && place.x1 - place.x0 >= NAMED_WIDTH && place.y1 - place.y0 >= NAMED_HEIGHT;
  const laidOut = treemap<Datum>()
    .size([width, height])
    .paddingInner(GAP)
    .paddingTop((place) => (hasName(place) ? HEADER : 0))
    .paddingRight((place) => (hasName(place) ? 2 : 0))
    .paddingBottom((place) => (hasName(place) ? 2 : 0))
    .paddingLeft((place) => (hasName(place) ? 2 : 0))(tree);
  const tiles: Tile[] = [];
  // A folder without room for its name is one tile: what is in it could not be told apart.
  laidOut.eachBefore((place) => {
    if (place.depth === 0) return;
    const [tileWidth, tileHeight] = [place.x1 - place.x0, place.y1 - place.y0];
    const { node, children } = place.data;
    const frame = children.length > 0 && hasName(place);
    if (tileWidth < SPECK || tileHeight < SPECK || isHidden(place, hasName)) return;
    tiles.push({
      node,
      left: place.x0,
      top: place.y0,
      width: tileWidth,
      height: tileHeight,
      frame,
      filled: !frame,
    });
  });
  return tiles;
}

/** A way to go on the picture. */
export type Direction = "left" | "right" | "up" | "down";

/** How much worse a tile is that lies beside the way than one that is as far in the way. */
const ASIDE = 3;

/**
 * The tile that a step from another one leads to: the nearest that lies that way, or the same where there is none.
 *
 * Of a folder that is drawn as a frame only its name counts, so that no two tiles lie over each other.
 */
export function nextTile(tiles: Tile[], at: number, direction: Direction): number {
  const from = tiles[at];
  if (!from) return tiles.length > 0 ? 0 : -1;
  const own = edges(from, direction);
  let best = at;
  let least = Infinity;
  tiles.forEach((tile, place) => {
    if (place === at) return;
    const other = edges(tile, direction);
    const ahead = other.near - own.far;
    if (ahead < -GAP) return;
    const aside = Math.max(0, other.low - own.high, own.low - other.high);
    // Of several that touch, the one whose beginning is nearest: rows are read from their start.
    const distance = ahead + aside * ASIDE + Math.abs(other.low - own.low) / 1000;
    if (distance < least) [best, least] = [place, distance];
  });
  return best;
}

/** The edges of a tile as seen by somebody who goes that way: near and far before them, low and high at their sides. */
function edges(tile: Tile, direction: Direction): { near: number; far: number; low: number; high: number } {
  const { left, top, width } = tile;
  const height = tile.frame ? Math.min(HEADER, tile.height) : tile.height;
  switch (direction) {
    case "right":
      return { near: left, far: left + width, low: top, high: top + height };
    case "left":
      return { near: -left - width, far: -left, low: top, high: top + height };
    case "down":
      return { near: top, far: top + height, low: left, high: left + width };
    case "up":
      return { near: -top - height, far: -top, low: left, high: left + width };
  }
}

function isHidden(
  place: HierarchyRectangularNode<Datum>,
  hasName: (place: HierarchyRectangularNode<Datum>) => boolean,
): boolean {
  for (let above = place.parent; above && above.depth > 0; above = above.parent) {
    if (!hasName(above)) return true;
  }
  return false;
}
