/**
 * Sends what is typed in the order in which it was typed.
 *
 * Two commands of the shell may overtake each other, so one is under way at a time; what is typed meanwhile goes with the next.
 */
export class Typing {
  #text = "";
  #busy = false;

  constructor(readonly send: (text: string) => Promise<void>) {}

  /** Sends text as soon as what came before has arrived. What cannot arrive any more is dropped. */
  type(text: string): void {
    this.#text += text;
    if (!this.#busy) void this.#flush();
  }

  async #flush(): Promise<void> {
    this.#busy = true;
    while (this.#text !== "") {
      const text = this.#text;
      this.#text = "";
      try {
        await this.send(text);
      } catch {
        // The program has ended; its end is told where it is waited for.
        this.#text = "";
      }
    }
    this.#busy = false;
  }
}
