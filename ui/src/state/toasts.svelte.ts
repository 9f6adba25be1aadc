import type { ApiError } from "../api";

/** How a toast is tinted and how long it stays. */
export type ToastTone = "neutral" | "good" | "bad";

/** The button of a toast. */
export interface ToastAction {
  label: string;
  run: () => void;
}

/** What a toast says and offers. */
export interface ToastContent {
  title: string;
  /** A second, quieter line: usually what to do. */
  detail?: string;
  tone?: ToastTone;
  action?: ToastAction;
}

const STAY_MS = 6_000;
/** Somebody must be able to read the sentence, find the button and press it. */
const STAY_WITH_ACTION_MS = 12_000;
/** A failure that another screen keeps as well need not stand in the way for ever. */
const STAY_FAILED_MS = 30_000;
const MOST_AT_ONCE = 4;

function stayFor({ tone, action }: ToastContent): number {
  // A failure without a way on stays until it was read: nobody can act on a sentence that is gone.
  if (tone === "bad") return action ? STAY_FAILED_MS : Infinity;
  return action ? STAY_WITH_ACTION_MS : STAY_MS;
}

/** One message in the corner, with a countdown that stops while somebody reads it. */
export class Toast {
  readonly title: string;
  readonly detail: string | undefined;
  readonly tone: ToastTone;
  readonly action: ToastAction | undefined;
  #remaining: number;
  #startedAt = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    readonly id: string,
    content: ToastContent,
    private readonly onElapsed: () => void,
  ) {
    this.title = content.title;
    this.detail = content.detail;
    this.tone = content.tone ?? "neutral";
    this.action = content.action;
    this.#remaining = stayFor(content);
  }

  /** Lets the countdown run on. */
  resume(): void {
    if (this.#timer !== null || this.#remaining === Infinity) return;
    this.#startedAt = Date.now();
    this.#timer = setTimeout(this.onElapsed, this.#remaining);
  }

  /** Stops the countdown where it is. */
  pause(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#remaining = Math.max(1_000, this.#remaining - (Date.now() - this.#startedAt));
  }
}

/** The messages on screen, oldest first. */
class Toasts {
  list = $state.raw<Toast[]>([]);
  #nextId = 1;

  /** Shows a message and returns it, so that its giver can take it back. */
  show(content: ToastContent): Toast {
    const toast = new Toast(`toast-${String(this.#nextId++)}`, content, () => {
      this.dismiss(toast);
    });
    // A failure goes when it was read, not when there is news.
    const droppable = this.list.filter((old) => old.tone !== "bad");
    const dropped = droppable.slice(0, Math.max(0, this.list.length + 1 - MOST_AT_ONCE));
    for (const old of dropped) old.pause();
    this.list = [...this.list.filter((old) => !dropped.includes(old)), toast];
    toast.resume();
    return toast;
  }

  /** Shows what the engine refused, with what to do about it. */
  showError(error: ApiError, action?: ToastAction): Toast {
    return this.show({ tone: "bad", title: error.message, detail: error.hint ?? undefined, action });
  }

  /** Takes a message away. A message that is gone already is fine. */
  dismiss(toast: Toast): void {
    toast.pause();
    this.list = this.list.filter((other) => other !== toast);
  }

  /** Stops every countdown, while the pointer or the focus is on the stack. */
  pauseAll(): void {
    for (const toast of this.list) toast.pause();
  }

  /** Lets every countdown run on. */
  resumeAll(): void {
    for (const toast of this.list) toast.resume();
  }
}

export const toasts = new Toasts();
