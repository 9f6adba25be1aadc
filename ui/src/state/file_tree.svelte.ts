import {
  api,
  toApiError,
  type FilesOf,
  type FileSort,
  type FileView,
  type OutlinePage,
  type OutlineQuery,
  type OutlineRow,
} from "../api";
import { Pages } from "./pages.svelte";

/** How long the next letter may take to belong to the same word. */
const TYPING_MS = 900;

/**
 * The files of one image or container as a tree: which files, which folders are open, and which line is the current one.
 *
 * The engine draws the tree; here are the lines that somebody has looked at. A line is known by its place, a file by its path.
 */
export class FileTree {
  readonly lines = new Pages<OutlineRow>();
  view = $state.raw<FileView>({ kind: "merged" });
  sort = $state<FileSort>("name");
  changedOnly = $state(false);
  /** The current line; -1 before there is one. */
  current = $state(-1);
  /** Grows whenever the current line should be brought into sight. */
  wanted = $state(0);
  /** The file on the current line. It stays known while that line is fetched anew. */
  file = $state.raw<OutlineRow | null>(null);
  #open = new Set<string>();
  #started = false;
  #typed = "";
  #typedAt = 0;

  constructor(readonly target: FilesOf) {}

  get #query(): OutlineQuery {
    return { view: this.view, sort: this.sort, changedOnly: this.changedOnly, open: [...this.#open] };
  }

  /** Draws the tree for the first time; again it does nothing, also where that failed. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    void this.#draw();
  }

  /** Draws the tree again where it could not be drawn. */
  async retry(): Promise<void> {
    await this.#draw();
  }

  /** Looks at other files. What was the current file stays it, if it is among them. */
  async look(view: FileView, changedOnly = this.changedOnly): Promise<void> {
    this.#started = true;
    this.view = view;
    this.changedOnly = changedOnly;
    await this.#drawAround(this.file?.file.path ?? null);
  }

  /** Puts the names of every folder into another order. */
  async order(sort: FileSort): Promise<void> {
    this.sort = sort;
    await this.#drawAround(this.file?.file.path ?? null);
  }

  /** Opens the way to a file and makes it the current one. Tells whether it is there. */
  async reveal(path: string): Promise<boolean> {
    this.#started = true;
    let query = this.#query;
    let revealed: number | null = null;
    const shown = await this.lines.show(async (offset, limit) => {
      if (revealed !== null) return api.fileOutline(this.target, query, null, offset, limit);
      const page: OutlinePage = await api.fileOutline(this.target, query, path, offset, limit);
      revealed = page.revealed;
      // From now on the way there is open, and is so in every further question.
      query = { ...query, open: page.open ?? query.open };
      return page;
    });
    if (!shown || this.lines.error || revealed === null) return false;
    this.#open = new Set(query.open);
    this.current = revealed;
    this.file = this.lines.row(revealed) ?? null;
    this.wanted += 1;
    return true;
  }

  /** Makes a line the current one. */
  select(place: number): void {
    if (this.lines.total === 0) return;
    this.current = Math.min(Math.max(place, 0), this.lines.total - 1);
    this.wanted += 1;
    this.lines.need(this.current, this.current + 1);
    const row = this.lines.row(this.current);
    if (row) this.file = row;
  }

  /** Opens or closes the folder on a line. */
  async toggle(place: number, open?: boolean): Promise<void> {
    const row = this.lines.row(place);
    if (!row?.file.hasChildren || row.open === open) return;
    if (row.open) this.#open.delete(row.file.path);
    else this.#open.add(row.file.path);
    await this.#draw(place);
    if (this.current >= 0) this.select(Math.min(this.current, this.lines.total - 1));
  }

  /** Moves as the arrow keys do in a tree. Tells whether the key meant anything. */
  key(name: string, page: number): boolean {
    const row = this.lines.row(this.current);
    switch (name) {
      case "ArrowDown":
        this.select(this.current + 1);
        return true;
      case "ArrowUp":
        this.select(this.current - 1);
        return true;
      case "PageDown":
        this.select(this.current + page);
        return true;
      case "PageUp":
        this.select(this.current - page);
        return true;
      case "Home":
        this.select(0);
        return true;
      case "End":
        this.select(this.lines.total - 1);
        return true;
      case "ArrowRight":
        if (row?.open) this.select(this.current + 1);
        else if (row) void this.toggle(this.current, true);
        return true;
      case "ArrowLeft":
        if (row?.open) void this.toggle(this.current, false);
        else if (row && row.parent !== null) this.select(row.parent);
        return true;
      case "Enter":
      case " ":
        if (row) void this.toggle(this.current);
        return true;
      default:
        return false;
    }
  }

  /** Goes to the next line whose name begins with what is typed. */
  async type(letter: string, now: number): Promise<void> {
    const same = now - this.#typedAt < TYPING_MS;
    this.#typed = same ? this.#typed + letter : letter;
    this.#typedAt = now;
    // The first letter goes on from the next line, further ones may leave the line where it is.
    const start = Math.max(0, this.current + (this.#typed.length === 1 ? 1 : 0));
    const typed = this.#typed;
    try {
      const found = await api.findInOutline(this.target, this.#query, typed, start);
      if (found !== null && typed === this.#typed) this.select(found);
    } catch (thrown) {
      this.lines.error = toApiError(thrown);
    }
  }

  /** Draws the tree anew after the files have changed, around `reveal` or around what was the current file. */
  async refresh(reveal: string | null = null): Promise<void> {
    if (reveal !== null && (await this.reveal(reveal))) return;
    const [line, path] = [this.current, this.file?.file.path];
    await this.#draw(Math.max(0, line));
    if (path === undefined) return;
    const place = this.lines.find((row) => row.file.path === path);
    // Where it is gone, the line that took its place is the nearest thing to it.
    this.select(place >= 0 ? place : line);
  }

  /** Takes the row of the current line in, when it has come. */
  settle(): void {
    const row = this.lines.row(this.current);
    if (row) this.file = row;
  }

  async #draw(around = 0): Promise<void> {
    const query = this.#query;
    await this.lines.show(
      (offset, limit) => api.fileOutline(this.target, query, null, offset, limit),
      around,
    );
  }

  async #drawAround(path: string | null): Promise<void> {
    if (path !== null && (await this.reveal(path))) return;
    // It is not among them: nothing is the current file then.
    this.current = -1;
    this.file = null;
    await this.#draw();
  }
}
