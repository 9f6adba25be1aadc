import { api, type ApiError, type DifferenceKind, type FileDifference } from "../../api";
import { Pages } from "../../state/pages.svelte";

/** The files of a comparison that differ, fetched in pages as the list is scrolled. */
export class ComparedFiles {
  words = $state("");
  change = $state<DifferenceKind | null>(null);
  largestFirst = $state(false);
  counts = $state.raw({ added: 0, changed: 0, removed: 0 });
  loaded = $state(false);
  #pages = new Pages<FileDifference>();

  constructor(private readonly comparison: string) {}

  get total(): number {
    return this.#pages.total;
  }

  get error(): ApiError | null {
    return this.#pages.error;
  }

  /** The row at an index, or undefined while its page is on its way. */
  row(index: number): FileDifference | undefined {
    return this.#pages.row(index);
  }

  /** Asks another question: other words, another kind, another order. */
  async ask(change: Partial<Pick<ComparedFiles, "words" | "change" | "largestFirst">> = {}): Promise<void> {
    Object.assign(this, change);
    const question = { words: this.words, change: this.change, largestFirst: this.largestFirst };
    let { counts } = this;
    const isShown = await this.#pages.show(async (offset, limit) => {
      const page = await api.comparedFiles(this.comparison, { ...question, offset, limit });
      counts = { added: page.added, changed: page.changed, removed: page.removed };
      return page;
    });
    if (!isShown || this.error) return;
    this.counts = counts;
    this.loaded = true;
  }

  /** Says which rows are on screen; fetches the pages they need. */
  show(first: number, end: number): void {
    this.#pages.need(first, end);
  }
}
