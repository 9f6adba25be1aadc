const HUES = 12;
/** The first hue, in degrees: the reds of the ring start here. Beside the accent, layers are told by where they stand. */
const FIRST = 25;

/**
 * The hue of a layer, one of twelve, from its diff ID.
 *
 * A digest is evenly spread already, so its first digits are the hash. The same layer has the same hue wherever it is
 * drawn, today and tomorrow.
 */
export function layerHue(diffId: string): number {
  const hex = diffId.slice(diffId.indexOf(":") + 1, diffId.indexOf(":") + 9);
  const number = Number.parseInt(hex, 16);
  const index = Number.isNaN(number) ? 0 : number % HUES;
  return (FIRST + index * (360 / HUES)) % 360;
}

/**
 * Which pieces of a stack need an edge, because the one before has the same hue: twelve hues are few, and a layer keeps its own.
 *
 * Base first or last, each neighbour is told from the next: of three of one hue in a row the middle one has it.
 */
export function layerEdges(diffIds: readonly string[]): boolean[] {
  const edges: boolean[] = [];
  diffIds.forEach((diffId, index) => {
    const before = diffIds[index - 1];
    edges.push(before !== undefined && layerHue(before) === layerHue(diffId) && edges[index - 1] !== true);
  });
  return edges;
}
