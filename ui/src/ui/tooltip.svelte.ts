import type { Attachment } from "svelte/attachments";

/** What a tooltip says: one line, or a heading with lines below it. */
export type TooltipContent = string | { title: string; lines: string[] } | null | undefined;

interface Shown {
  anchor: HTMLElement;
  content: () => TooltipContent;
}

const DELAY_MS = 450;
/** After one tooltip was read, the next opens at once: the pointer is looking around. */
const WARM_MS = 600;

/**
 * The one tooltip of the window: `TooltipLayer` draws what stands here.
 *
 * One element serves thousands of cards and segments, none of which carries a popup of its own.
 */
class Tooltips {
  shown = $state.raw<Shown | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closedAt = 0;

  /** Opens after the usual delay, or at once when one was just open or `now` says so. */
  open(anchor: HTMLElement, content: () => TooltipContent, now: boolean): void {
    clearTimeout(this.#timer);
    const show = (): void => {
      if (!anchor.isConnected || !content()) return;
      this.shown = { anchor, content };
      anchor.setAttribute("aria-describedby", TOOLTIP_ID);
    };
    if (now || this.shown || Date.now() - this.#closedAt < WARM_MS) show();
    else this.#timer = setTimeout(show, DELAY_MS);
  }

  /** Closes the tooltip if it belongs to `anchor`; without one, closes any. */
  close(anchor?: HTMLElement): void {
    clearTimeout(this.#timer);
    if (!this.shown || (anchor && this.shown.anchor !== anchor)) return;
    this.shown.anchor.removeAttribute("aria-describedby");
    this.shown = null;
    this.#closedAt = Date.now();
  }
}

export const TOOLTIP_ID = "strata-tooltip";
export const tooltips = new Tooltips();

/** Shows `content` while the pointer rests on the element or the keyboard has focused it. */
export function tooltip(
  content: () => TooltipContent,
  options: { now?: boolean } = {},
): Attachment<HTMLElement> {
  return (element) => {
    const enter = (event: PointerEvent): void => {
      if (event.pointerType !== "touch") tooltips.open(element, content, options.now ?? false);
    };
    const focus = (): void => {
      if (element.matches(":focus-visible")) tooltips.open(element, content, true);
    };
    const leave = (): void => tooltips.close(element);
    element.addEventListener("pointerenter", enter);
    element.addEventListener("pointerleave", leave);
    element.addEventListener("pointerdown", leave);
    element.addEventListener("focus", focus);
    element.addEventListener("blur", leave);
    return () => {
      leave();
      element.removeEventListener("pointerenter", enter);
      element.removeEventListener("pointerleave", leave);
      element.removeEventListener("pointerdown", leave);
      element.removeEventListener("focus", focus);
      element.removeEventListener("blur", leave);
    };
  };
}
