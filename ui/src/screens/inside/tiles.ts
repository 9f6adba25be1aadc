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

function isHidden(
  place: HierarchyRectangularNode<Datum>,
  hasName: (place: HierarchyRectangularNode<Datum>) => boolean,
): boolean {
  for (let above = place.parent; above && above.depth > 0; above = above.parent) {
    if (!hasName(above)) return true;
  }
  return false;
}
