import type { ImageSort } from "../api";
import { images } from "./images.svelte";

/** How somebody left the window, as it stands in the page's storage. */
interface Remembered {
  view: "grid" | "table";
  sort: ImageSort;
  descending: boolean;
  /** Whether the sidebar was made narrow by hand. */
  collapsed: boolean;
}

const KEY = "strata.window";
const SORTS: readonly unknown[] = ["name", "size", "created"] satisfies ImageSort[];

/** What is remembered, as far as it can be understood: the storage may be anybody's. */
function read(): Partial<Remembered> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (typeof found !== "object" || found === null) return {};
    const { view, sort, descending, collapsed } = found as Record<string, unknown>;
    return {
      ...(view === "grid" || view === "table" ? { view } : {}),
      ...(SORTS.includes(sort) ? { sort: sort as ImageSort } : {}),
      ...(typeof descending === "boolean" ? { descending } : {}),
      ...(typeof collapsed === "boolean" ? { collapsed } : {}),
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

/** The small choices about the window that outlast it: how images are listed, and how wide the sidebar is. */
class WindowMemory {
  collapsed = $state(false);

  /** Takes up what is remembered and keeps it up to date; called while the window's component is made. */
  follow(): void {
    const { view, sort, descending, collapsed } = read();
    if (view) images.view = view;
    if (sort) images.sort = sort;
    if (descending !== undefined) images.descending = descending;
    this.collapsed = collapsed ?? false;
    $effect(() => {
      write({
        view: images.view,
        sort: images.sort,
        descending: images.descending,
        collapsed: this.collapsed,
      });
    });
  }
}

export const windowMemory = new WindowMemory();
