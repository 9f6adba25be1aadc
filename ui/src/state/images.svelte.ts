import { SvelteMap } from "svelte/reactivity";
import {
  api,
  toApiError,
  type ApiError,
  type ImagePage,
  type ImageQuery,
  type ImageRow,
  type ImageSort,
} from "../api";

const PAGE = 100;

/**
 * The list of images, fetched in pages as it is scrolled.
 *
 * After a change of the store the old rows stay until the new ones are here, so nothing flickers. An answer to an older
 * question than the newest is dropped.
 */
export class ImageList {
  filter = $state("");
  /** How the list is drawn. */
  view = $state<"grid" | "table">("grid");
  /** How far the list is scrolled, for whoever comes back to it. */
  scrollTop = $state(0);
  sort = $state<ImageSort>("created");
  descending = $state(true);
  total = $state(0);
  totalAll = $state(0);
  totalSize = $state(0);
  /** Whether any answer has come yet. */
  loaded = $state(false);
  error = $state.raw<ApiError | null>(null);
  #pages = new SvelteMap<number, ImageRow[]>();
  #asked = new Set<number>();
  #range = { first: 0, end: PAGE };
  #ticket = 0;
  readonly #ask: (query: ImageQuery) => Promise<ImagePage>;

  /** A list of the images of this computer, or of what `ask` answers. */
  constructor(ask: (query: ImageQuery) => Promise<ImagePage> = (query) => api.images(query)) {
    this.#ask = ask;
  }

  /** The row at an index, or undefined while its page is on its way. */
  row(index: number): ImageRow | undefined {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** The rows among those already fetched that belong to these targets. */
  known(targets: ReadonlySet<string>): ImageRow[] {
    return [...this.#pages.values()].flat().filter((row) => targets.has(row.target));
  }

  /** The index of an image among the rows already fetched, or null. */
  indexOf(target: string): number | null {
    for (const [page, rows] of this.#pages) {
      const found = rows.findIndex((row) => row.target === target);
      if (found >= 0) return page * PAGE + found;
    }
    return null;
  }

  /** Says which rows are on screen; fetches the pages they need. */
  show(first: number, end: number): void {
    this.#range = { first, end };
    if (!this.loaded) return;
    for (let page = Math.floor(first / PAGE); page * PAGE < Math.max(end, 1); page++) {
      if (!this.#asked.has(page)) void this.#fetch(page, this.#ticket);
    }
  }

  /** Asks another question: other words, another order. */
  ask(change: Partial<Pick<ImageList, "filter" | "sort" | "descending">>): Promise<void> {
    Object.assign(this, change);
    return this.refresh();
  }

  /** Fetches what is on screen again. */
  async refresh(): Promise<void> {
    const ticket = ++this.#ticket;
    const first = Math.floor(this.#range.first / PAGE);
    try {
      const answer = await this.#read(first);
      if (ticket !== this.#ticket) return;
      this.#pages.clear();
      this.#asked = new Set([first]);
      this.#pages.set(first, answer.rows);
      this.total = answer.total;
      this.totalAll = answer.totalAll;
      this.totalSize = answer.totalSize;
      this.loaded = true;
      this.error = null;
      this.show(this.#range.first, Math.min(this.#range.end, answer.total));
    } catch (thrown) {
      if (ticket === this.#ticket) this.error = toApiError(thrown);
    }
  }

  /** Targets of the rows from `first` to `last`, fetching those that are not here. */
  async targets(first: number, last: number): Promise<string[]> {
    const targets: string[] = [];
    for (let page = Math.floor(first / PAGE); page * PAGE <= last; page++) {
      if (!this.#pages.has(page)) await this.#fetch(page, this.#ticket);
      const rows = this.#pages.get(page) ?? [];
      rows.forEach((row, offset) => {
        const index = page * PAGE + offset;
        if (index >= first && index <= last) targets.push(row.target);
      });
    }
    return targets;
  }

  #read(page: number): Promise<ImagePage> {
    const { filter, sort, descending } = this;
    return this.#ask({ filter, sort, descending, offset: page * PAGE, limit: PAGE });
  }

  async #fetch(page: number, ticket: number): Promise<void> {
    this.#asked.add(page);
    try {
      const answer = await this.#read(page);
      if (ticket === this.#ticket) this.#pages.set(page, answer.rows);
    } catch (thrown) {
      if (ticket !== this.#ticket) return;
      this.#asked.delete(page);
      this.error = toApiError(thrown);
    }
  }
}

export const images = new ImageList();
