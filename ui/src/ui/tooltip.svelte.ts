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

interface Tip {
  content: () => TooltipContent;
  now: boolean;
}

/**
 * What the elements say, asked when the pointer comes over one: listeners of the document serve them all. A listener for each
 * of a card's layers would be what a long list is slowest at.
 */
const tips = new WeakMap<Element, Tip>();
let over: HTMLElement | null = null;
let listening = false;

/** The element with a tooltip that an event happened in. */
function tipped(target: EventTarget | null): HTMLElement | null {
  let element = target instanceof Element ? target : null;
  while (element && !tips.has(element)) element = element.parentElement;
  return element instanceof HTMLElement ? element : null;
}

function rest(event: PointerEvent): void {
  const element = tipped(event.target);
  if (element === over) return;
  if (over) tooltips.close(over);
  over = element;
  const tip = element && tips.get(element);
  if (tip && event.pointerType !== "touch") tooltips.open(element, tip.content, tip.now);
}

function leave(event: PointerEvent): void {
  // Out of the window; whatever else it goes to tells that it is over something new.
  if (event.relatedTarget !== null || !over) return;
  tooltips.close(over);
  over = null;
}

function listen(): void {
  if (listening) return;
  listening = true;
  document.addEventListener("pointerover", rest);
  document.addEventListener("pointerout", leave);
  document.addEventListener("pointerdown", (event) => {
    const element = tipped(event.target);
    if (element) tooltips.close(element);
  });
  document.addEventListener("focusin", (event) => {
    const element = event.target instanceof HTMLElement ? event.target : null;
    const tip = element && tips.get(element);
    if (tip && element.matches(":focus-visible")) tooltips.open(element, tip.content, true);
  });
  document.addEventListener("focusout", (event) => {
    if (event.target instanceof HTMLElement && tips.has(event.target)) tooltips.close(event.target);
  });
}

/** Shows `content` while the pointer rests on the element or the keyboard has focused it. */
export function tooltip(
  content: () => TooltipContent,
  options: { now?: boolean } = {},
): Attachment<HTMLElement> {
  return (element) => {
    listen();
    tips.set(element, { content, now: options.now ?? false });
    return () => {
      tooltips.close(element);
      tips.delete(element);
      if (over === element) over = null;
    };
  };
}
