import type { Band } from "../../ui/virtual";

/** The list that a band is drawn over. */
interface Surface {
  contentPoint: (clientX: number, clientY: number) => { x: number; y: number };
  cellsIn: (band: Band) => number[];
}

/** Below this many pixels a press is a click with an unsteady hand, not a drag. */
const STEADY = 4;

/** Selecting by a band that is drawn with the mouse, begun where there is no card. */
export class BandSelection {
  /** The band in the list's own pixels, while one is drawn. */
  band = $state.raw<Band | null>(null);
  #from: { x: number; y: number } | null = null;
  #ended = false;

  /** Begins at a point where the button went down. */
  press(surface: Surface, event: PointerEvent): void {
    this.#ended = false;
    if (event.button !== 0) return;
    this.#from = surface.contentPoint(event.clientX, event.clientY);
  }

  /** Follows the pointer. Returns the indices under the band, or null while there is none. */
  move(surface: Surface, event: PointerEvent): number[] | null {
    if (!this.#from) return null;
    const to = surface.contentPoint(event.clientX, event.clientY);
    const from = this.#from;
    if (!this.band && Math.hypot(to.x - from.x, to.y - from.y) < STEADY) return null;
    this.band = {
      left: Math.min(from.x, to.x),
      right: Math.max(from.x, to.x),
      top: Math.min(from.y, to.y),
      bottom: Math.max(from.y, to.y),
    };
    return surface.cellsIn(this.band);
  }

  /** Ends with the button. */
  release(): void {
    this.#ended = this.band !== null;
    this.#from = null;
    this.band = null;
  }

  /** Tells once whether the click that follows belongs to a band that just ended, and means nothing of its own. */
  takesClick(): boolean {
    const taken = this.#ended;
    this.#ended = false;
    return taken;
  }
}
