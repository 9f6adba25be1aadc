import type { DragReturned } from "../api";
import { dialogs, type CopiedImage } from "./dialogs.svelte";
import { windowMemory } from "./remembered.svelte";

/** A press that moves less than this is a click. */
const STEADY = 6;

/** So far outside the window it is no longer on its way to a place at the window's edge. */
const OUTSIDE = 24;

/** The place under the pointer: an engine's ID, or null for this computer. */
export interface Landing {
  place: string | null;
}

/**
 * An image that is carried from a list to a place in the sidebar, which opens the dialog that copies it there.
 *
 * Where it can leave the window, it does so past the window's edge: then the shell's own drag goes on with it. What no place takes
 * is in that drag from its first movement.
 */
class Carry {
  image = $state.raw<CopiedImage | null>(null);
  x = $state(0);
  y = $state(0);
  over = $state.raw<Landing | null>(null);
  #pressed = $state.raw<{
    image: CopiedImage | null;
    x: number;
    y: number;
    leave: (() => void) | null;
  } | null>(null);
  #ended = false;
  /** What left the window, and is in the shell's drag. */
  #away = $state.raw<CopiedImage | null>(null);

  /** Whether the shell's drag has it, which draws its own sign at the pointer. */
  get away(): boolean {
    return this.#away !== null;
  }

  /** Whether it can be carried out of the window, too. */
  get leaves(): boolean {
    return this.#away !== null || (this.#pressed !== null && this.#pressed.leave !== null);
  }

  /** Whether the button is down on an image: what the pointer crosses meanwhile is not being marked. */
  get holds(): boolean {
    return this.#pressed !== null;
  }

  /**
   * Begins where the button went down, on an image or on something that no place takes. What is to happen outside the window begins
   * with the button still down.
   */
  press(image: CopiedImage | null, event: MouseEvent, leave: (() => void) | null = null): void {
    this.#ended = false;
    this.#away = null;
    if (event.button === 0) this.#pressed = { image, x: event.clientX, y: event.clientY, leave };
  }

  /** Follows the pointer. */
  move(event: PointerEvent): void {
    if (!this.#pressed) {
      // A click that belongs to a carry comes before the next movement.
      this.#ended = false;
      return;
    }
    if ((event.buttons & 1) === 0) {
      // The button went up where the page did not hear of it.
      this.cancel();
      return;
    }
    const { image, x, y, leave } = this.#pressed;
    if (!this.image && Math.hypot(event.clientX - x, event.clientY - y) < STEADY) return;
    if (!image || (leave && isOutside(event))) {
      // No click follows: the page does not hear of the button any more.
      this.cancel();
      leave?.();
      this.#away = image;
      return;
    }
    this.image = image;
    this.x = event.clientX;
    this.y = event.clientY;
    this.over = landing(document.elementFromPoint(event.clientX, event.clientY), image);
  }

  /** Ends with the button: over another place the copy dialog opens, elsewhere nothing happens. */
  release(): void {
    const { image, over } = this;
    this.#ended = image !== null;
    this.cancel();
    if (image && over) dialogs.openCopy({ ...image, to: over.place });
  }

  cancel(): void {
    this.#pressed = null;
    this.#away = null;
    this.image = null;
    this.over = null;
  }

  /** Follows what left the window and is over it again, where it is dropped on a place as if it had never left. */
  returned({ at: point, released }: DragReturned): void {
    const image = this.#away;
    if (!image) return;
    // The shell knows nothing of how large the page is drawn.
    const part = windowMemory.zoom / 100;
    const at = point && { x: point.x / part, y: point.y / part };
    this.image = at && image;
    this.over = at && landing(document.elementFromPoint(at.x, at.y), image);
    if (at) ({ x: this.x, y: this.y } = at);
    if (!released) return;
    this.release();
    // The page hears nothing of the button, so no click follows.
    this.#ended = false;
  }

  /** Tells once whether the click that follows belongs to a carry that just ended, and means nothing of its own. */
  takesClick(): boolean {
    const taken = this.#ended;
    this.#ended = false;
    return taken;
  }
}

function isOutside({ clientX, clientY }: PointerEvent): boolean {
  const beyond = (at: number, size: number): boolean => at < -OUTSIDE || at > size + OUTSIDE;
  return beyond(clientX, window.innerWidth) || beyond(clientY, window.innerHeight);
}

function landing(element: Element | null, image: CopiedImage): Landing | null {
  const place = element?.closest<HTMLElement>("[data-place]")?.dataset["place"];
  if (place === undefined) return null;
  const id = place === "" ? null : place;
  return id === image.from ? null : { place: id };
}

export const carry = new Carry();
