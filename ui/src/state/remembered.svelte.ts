import { api, toApiError, type ImageSort } from "../api";
import { images } from "./images.svelte";
import { toasts } from "./toasts.svelte";

/** How somebody left the window, as it stands in the page's storage. */
interface Remembered {
  view: "grid" | "table";
  sort: ImageSort;
  descending: boolean;
  /** Whether the sidebar was made narrow by hand. */
  collapsed: boolean;
  /** How large everything is drawn, in percent. */
  zoom: number;
}

/** The sizes that everything can be drawn in, in percent. */
const SIZES = [70, 80, 90, 100, 110, 125, 150, 175, 200, 250] as const;
const USUAL_SIZE = 100;

const KEY = "strata.window";
const SORTS: readonly unknown[] = ["name", "size", "created", "unique"] satisfies ImageSort[];

/** What is remembered, as far as it can be understood: the storage may be anybody's. */
function read(): Partial<Remembered> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (typeof found !== "object" || found === null) return {};
    const { view, sort, descending, collapsed, zoom } = found as Record<string, unknown>;
    return {
      ...(view === "grid" || view === "table" ? { view } : {}),
      ...(SORTS.includes(sort) ? { sort: sort as ImageSort } : {}),
      ...(typeof descending === "boolean" ? { descending } : {}),
      ...(typeof collapsed === "boolean" ? { collapsed } : {}),
      ...((SIZES as readonly unknown[]).includes(zoom) ? { zoom: zoom as number } : {}),
    };
  } catch {
    // Nothing worth a word: the window is as it was made.
    return {};
  }
}

function write(remembered: Remembered): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(remembered));
  } catch {
    // A page without storage forgets.
  }
}

/** The small choices about the window that outlast it: how images are listed, how wide the sidebar is, how large all is drawn. */
class WindowMemory {
  collapsed = $state(false);
  /** How large everything is drawn, in percent. */
  zoom = $state(USUAL_SIZE);
  #drawn = USUAL_SIZE;

  /** Takes up what is remembered and keeps it up to date; called while the window's component is made. */
  follow(): void {
    const { view, sort, descending, collapsed, zoom } = read();
    if (view) images.view = view;
    if (sort) images.sort = sort;
    if (descending !== undefined) images.descending = descending;
    this.collapsed = collapsed ?? false;
    this.zoom = zoom ?? USUAL_SIZE;
    $effect(() => {
      write({
        view: images.view,
        sort: images.sort,
        descending: images.descending,
        collapsed: this.collapsed,
        zoom: this.zoom,
      });
    });
    $effect(() => {
      if (this.zoom === this.#drawn) return;
      this.#drawn = this.zoom;
      api.zoom(this.zoom).catch((thrown: unknown) => {
        toasts.showError(toApiError(thrown));
      });
    });
  }

  /** Draws everything a step larger, as far as that goes. */
  larger(): void {
    this.zoom = SIZES.find((size) => size > this.zoom) ?? this.zoom;
  }

  /** Draws everything a step smaller, as far as that goes. */
  smaller(): void {
    this.zoom = SIZES.findLast((size) => size < this.zoom) ?? this.zoom;
  }

  /** Draws everything as large as usual. */
  usual(): void {
    this.zoom = USUAL_SIZE;
  }
}

export const windowMemory = new WindowMemory();
