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
import { Selection } from "./selection.svelte";

const PAGE = 100;
/** How many rows beyond those on screen stay here, on each side. What was scrolled past further is asked for again. */
const KEPT = 500;
/** Somebody who types asks once the fingers rest. */
const PAUSE_MS = 120;

/**
 * The list of images, fetched in pages as it is scrolled.
 *
 * After a change of the store the old rows stay until the new ones are here, so nothing flickers. An answer to an older
 * question than the newest is dropped. What is selected is always in the list: an answer without it takes it out.
 */
export class ImageList {
  /** The words of the filter as they are written; an answer to them may still be on its way. */
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
  readonly selection = new Selection();
  #pages = new SvelteMap<number, ImageRow[]>();
  #asked = new Set<number>();
  #range = { first: 0, end: PAGE };
  #ticket = 0;
  /** What was asked last; the words in the field may have gone on since. */
  #question: Pick<ImageQuery, "filter" | "sort" | "descending"> = {
    filter: "",
    sort: "created",
    descending: true,
  };
  /** The question that the pages will answer, while it is under way. */
  #asking: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #ask: (query: ImageQuery) => Promise<ImagePage>;

  /** A list of the images of this computer, or of what `ask` answers. */
  constructor(ask: (query: ImageQuery) => Promise<ImagePage> = (query) => api.images(query)) {
    this.#ask = ask;
  }

  /** The row at an index, or undefined while its page is on its way. */
  row(index: number): ImageRow | undefined {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** The row of an image among those already fetched. */
  rowOf(target: string): ImageRow | undefined {
    const index = this.indexOf(target);
    return index === null ? undefined : this.row(index);
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
    // The answer under way shows the range once more; pages fetched before it would stand among those of the old one.
    if (!this.loaded || this.#asking) return;
    // Half a page ahead of what is scrolled to: a card whose row is late would be drawn empty and made anew.
    const from = Math.max(0, first - PAGE / 2);
    const until = Math.min(this.total, end + PAGE / 2);
    for (let page = Math.floor(from / PAGE); page * PAGE < Math.max(until, 1); page++) {
      if (!this.#asked.has(page)) void this.#fetch(page, this.#ticket);
    }
    // The cursor's card stays in the page wherever the list is scrolled to: without its row it would lose the focus.
    const held = Math.floor(this.selection.cursor / PAGE);
    for (const page of [...this.#pages.keys()]) {
      if (page === held) continue;
      if ((page + 1) * PAGE > first - KEPT && page * PAGE < end + KEPT) continue;
      this.#pages.delete(page);
      this.#asked.delete(page);
    }
  }

  /** Takes the words of the filter while they are written, and asks when they rest. */
  type(filter: string): void {
    this.filter = filter;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.scrollTop = 0;
      this.selection.place(0);
      void this.refresh();
    }, PAUSE_MS);
  }

  /** Asks another question: other words, another order. */
  ask(change: Partial<Pick<ImageList, "filter" | "sort" | "descending">>): Promise<void> {
    Object.assign(this, change);
    return this.refresh();
  }

  /** Fetches what is on screen again. */
  refresh(): Promise<void> {
    clearTimeout(this.#timer);
    const ticket = ++this.#ticket;
    this.#question = { filter: this.filter, sort: this.sort, descending: this.descending };
    const asking = this.#refresh(ticket).finally(() => {
      if (ticket === this.#ticket) this.#asking = null;
    });
    this.#asking = asking;
    return asking;
  }

  /** Forgets what was to be asked. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#ticket += 1;
    this.#asking = null;
  }

  /**
   * Targets of the rows from `first` to `last`, fetching those that are not here.
   *
   * All of them or none: what is done with a selection is done with what it seemed to be. Where a page cannot be had there are
   * none, and `error` says why; where another question was asked meanwhile, they are those of its answer.
   */
  async targets(first: number, last: number): Promise<string[]> {
    await this.#asking;
    const ticket = this.#ticket;
    const targets: string[] = [];
    for (let page = Math.floor(first / PAGE); page * PAGE <= last; page++) {
      const rows = this.#pages.get(page) ?? (await this.#fetch(page, ticket));
      if (ticket !== this.#ticket) return this.targets(first, last);
      if (!rows) return [];
      rows.forEach((row, offset) => {
        const index = page * PAGE + offset;
        if (index >= first && index <= last) targets.push(row.target);
      });
    }
    return targets;
  }

  /**
   * The rows of these targets in the list's order, fetching pages until all are found.
   *
   * A target that the filter does not take has no row. Throws the engine's refusal.
   */
  async find(targets: readonly string[]): Promise<ImageRow[]> {
    const wanted = new Set(targets);
    await this.#asking;
    const found = new Map<number, ImageRow>();
    const look = (page: number, rows: ImageRow[]): void => {
      rows.forEach((row, offset) => {
        if (wanted.delete(row.target)) found.set(page * PAGE + offset, row);
      });
    };
    const looked = new Set(this.#pages.keys());
    for (const [page, rows] of this.#pages) look(page, rows);
    const ticket = this.#ticket;
    for (let page = 0; wanted.size > 0 && page * PAGE < this.total; page++) {
      if (looked.has(page)) continue;
      // A page that is here now but was not before was fetched for the screen while another was on its way to this.
      let rows = this.#pages.get(page);
      if (!rows) {
        ({ rows } = await this.#read(page));
        if (ticket !== this.#ticket) return this.find(targets);
        this.#asked.add(page);
        this.#pages.set(page, rows);
      }
      look(page, rows);
    }
    return [...found].sort(([one], [other]) => one - other).map(([, row]) => row);
  }

  async #refresh(ticket: number): Promise<void> {
    const first = Math.floor(this.#range.first / PAGE);
    try {
      const answer = await this.#read(first);
      if (ticket !== this.#ticket) return;
      this.#asking = null;
      this.#pages.clear();
      this.#asked = new Set([first]);
      this.#pages.set(first, answer.rows);
      this.total = answer.total;
      this.totalAll = answer.totalAll;
      this.totalSize = answer.totalSize;
      this.loaded = true;
      this.error = null;
      this.show(this.#range.first, Math.min(this.#range.end, answer.total));
      void this.#dropUnseen(ticket);
    } catch (thrown) {
      if (ticket === this.#ticket) this.error = toApiError(thrown);
    }
  }

  /** Takes out of the selection what the list no longer has, so that nothing acts on what cannot be seen. */
  async #dropUnseen(ticket: number): Promise<void> {
    const { targets } = this.selection;
    const selected = [...targets];
    if (selected.length === 0) return;
    try {
      const found = new Set((await this.find(selected)).map((row) => row.target));
      if (ticket !== this.#ticket) return;
      for (const target of selected) if (!found.has(target)) targets.delete(target);
    } catch (thrown) {
      if (ticket === this.#ticket) this.error = toApiError(thrown);
    }
  }

  #read(page: number): Promise<ImagePage> {
    return this.#ask({ ...this.#question, offset: page * PAGE, limit: PAGE });
  }

  /** Fetches a page. Returns its rows; nothing where it cannot be had, or another question was asked meanwhile. */
  async #fetch(page: number, ticket: number): Promise<ImageRow[] | undefined> {
    this.#asked.add(page);
    try {
      const { rows } = await this.#read(page);
      if (ticket !== this.#ticket) return undefined;
      this.#pages.set(page, rows);
      return rows;
    } catch (thrown) {
      if (ticket === this.#ticket) {
        this.#asked.delete(page);
        this.error = toApiError(thrown);
      }
      return undefined;
    }
  }
}

export const images = new ImageList();
