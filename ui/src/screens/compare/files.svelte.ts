import { SvelteMap } from "svelte/reactivity";
import {
  api,
  toApiError,
  type ApiError,
  type DifferenceKind,
  type DifferencesPage,
  type FileDifference,
} from "../../api";

const PAGE = 200;

/** The files of a comparison that differ, fetched in pages as the list is scrolled. */
export class ComparedFiles {
  words = $state("");
  change = $state<DifferenceKind | null>(null);
  largestFirst = $state(false);
  total = $state(0);
  counts = $state.raw({ added: 0, changed: 0, removed: 0 });
  loaded = $state(false);
  error = $state.raw<ApiError | null>(null);
  #pages = new SvelteMap<number, FileDifference[]>();
  #asked = new Set<number>();
  #ticket = 0;

  constructor(private readonly comparison: string) {}

  /** The row at an index, or undefined while its page is on its way. */
  row(index: number): FileDifference | undefined {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** Asks another question: other words, another kind, another order. */
  async ask(change: Partial<Pick<ComparedFiles, "words" | "change" | "largestFirst">> = {}): Promise<void> {
    Object.assign(this, change);
    const ticket = ++this.#ticket;
    try {
      const page = await this.#read(0);
      if (ticket !== this.#ticket) return;
      this.#pages.clear();
      this.#asked = new Set([0]);
      this.#pages.set(0, page.rows);
      this.total = page.total;
      this.counts = { added: page.added, changed: page.changed, removed: page.removed };
      this.loaded = true;
      this.error = null;
    } catch (thrown) {
      if (ticket === this.#ticket) this.error = toApiError(thrown);
    }
  }

  /** Says which rows are on screen; fetches the pages they need. */
  show(first: number, end: number): void {
    if (!this.loaded) return;
    for (let page = Math.floor(first / PAGE); page * PAGE < end; page++) {
      if (!this.#asked.has(page)) void this.#fetch(page, this.#ticket);
    }
  }

  #read(page: number): Promise<DifferencesPage> {
    const { words, change, largestFirst } = this;
    return api.comparedFiles(this.comparison, {
      words,
      change,
      largestFirst,
      offset: page * PAGE,
      limit: PAGE,
    });
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
