import { toApiError, type ApiError } from "../api";

/** Some rows of a long list, and how many it has. */
export interface Page<Row> {
  total: number;
  rows: Row[];
  /** The place of `rows[0]` in the list, where it is not the one that was asked for. */
  offset?: number;
}

/** Asks for rows of the list. */
export type Fetch<Row> = (offset: number, limit: number) => Promise<Page<Row>>;

/** Rows in one answer: three screens of them. */
export const PAGE = 200;

/**
 * The rows of a list that is too long to have whole, fetched where somebody looks.
 *
 * The rows of the list before stay until the first page of the next one is here, so that nothing flickers.
 */
export class Pages<Row> {
  total = $state(0);
  error = $state.raw<ApiError | null>(null);
  /** The first page is on its way. */
  pending = $state(false);
  #rows = new Map<number, Row>();
  #changes = $state(0);
  #asked = new Set<number>();
  #fetch: Fetch<Row> | null = null;
  #ticket = 0;
  /** What was looked at while the next list was on its way, and is missing of that one. */
  #awaited: { first: number; end: number } | null = null;

  /** The row at a place; undefined while it is on its way. */
  row(place: number): Row | undefined {
    void this.#changes;
    return this.#rows.get(place);
  }

  /** The place of the first row here that is meant; -1 for none. */
  find(isMeant: (row: Row) => boolean): number {
    for (const [place, row] of this.#rows) if (isMeant(row)) return place;
    return -1;
  }

  /** Begins another list, around a place. Resolves when that part is here, with false where another list overtook it. */
  async show(fetch: Fetch<Row>, around = 0): Promise<boolean> {
    const ticket = ++this.#ticket;
    this.pending = true;
    try {
      const offset = Math.floor(Math.max(0, around) / PAGE) * PAGE;
      const page = await fetch(offset, PAGE);
      if (ticket !== this.#ticket) return false;
      this.#fetch = fetch;
      this.#rows = new Map();
      // What a page with an offset of its own covers is asked for again with the pages around it: that costs less than cutting.
      this.#asked = new Set(page.offset === undefined || page.offset === offset ? [offset] : []);
      this.total = page.total;
      this.error = null;
      this.#take(page, offset);
    } catch (thrown) {
      if (ticket !== this.#ticket) return false;
      this.error = toApiError(thrown);
      this.clearRows();
    }
    this.pending = false;
    const awaited = this.#awaited;
    this.#awaited = null;
    if (awaited) this.need(awaited.first, awaited.end);
    return true;
  }

  /** Fetches what is missing of the rows that are looked at. */
  need(first: number, end: number): void {
    // Asked now, it would be rows of the list before, and they would come into the next one.
    if (this.pending) {
      this.#awaited = { first, end };
      return;
    }
    const fetch = this.#fetch;
    if (!fetch) return;
    const last = Math.min(end, this.total) - 1;
    for (let offset = Math.floor(first / PAGE) * PAGE; offset <= last; offset += PAGE) {
      if (this.#asked.has(offset)) continue;
      this.#asked.add(offset);
      void this.#more(fetch, offset, this.#ticket);
    }
  }

  /** Says that another list is about to begin: an answer that is still under way is for the one before. */
  expect(): void {
    this.#ticket += 1;
    this.pending = true;
  }

  /** Forgets the list. */
  clear(): void {
    this.#ticket += 1;
    this.pending = false;
    this.error = null;
    this.clearRows();
  }

  private clearRows(): void {
    this.#fetch = null;
    this.#awaited = null;
    this.#rows = new Map();
    this.#asked.clear();
    this.total = 0;
    this.#changes += 1;
  }

  async #more(fetch: Fetch<Row>, offset: number, ticket: number): Promise<void> {
    try {
      const page = await fetch(offset, PAGE);
      if (ticket === this.#ticket) this.#take(page, offset);
    } catch (thrown) {
      if (ticket === this.#ticket) this.error = toApiError(thrown);
    }
  }

  #take(page: Page<Row>, offset: number): void {
    page.rows.forEach((row, index) => this.#rows.set((page.offset ?? offset) + index, row));
    this.#changes += 1;
  }
}
