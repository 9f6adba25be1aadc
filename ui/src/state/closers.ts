/** Closes one thing that lies over, or beside, what the page is about. */
type Close = () => void;

/** What Escape closes before the page itself goes: the thing that was opened last is the first. */
class Closers {
  #open: Close[] = [];

  /** Lets Escape close something, until the returned function is called. */
  add(close: Close): () => void {
    this.#open = [...this.#open, close];
    return () => {
      this.#open = this.#open.filter((other) => other !== close);
    };
  }

  /** Closes what was opened last. Tells whether there was anything. */
  closeLast(): boolean {
    const close = this.#open.at(-1);
    if (!close) return false;
    this.#open = this.#open.slice(0, -1);
    close();
    return true;
  }
}

export const closers = new Closers();
