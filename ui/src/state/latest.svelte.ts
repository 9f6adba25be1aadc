import { toApiError, type ApiError } from "../api";

/**
 * Asks one question of the engine at a time and keeps only the answer to the newest one.
 *
 * Typing asks faster than a registry answers, and answers overtake each other; an answer to an older question is
 * dropped. The last answer stays visible while the next one is on its way, so the screen does not flicker.
 */
export class Latest<Answer> {
  answer = $state.raw<Answer | null>(null);
  error = $state.raw<ApiError | null>(null);
  /** A question is waiting for its pause or for its answer. */
  pending = $state(false);
  #ticket = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** Asks after `pauseMs` without another question. Never throws: a refusal lands in `error`. */
  ask(question: () => Promise<Answer>, pauseMs = 0): void {
    this.#drop();
    const ticket = this.#ticket;
    this.pending = true;
    if (pauseMs > 0) {
      this.#timer = setTimeout(() => {
        void this.#run(question, ticket);
      }, pauseMs);
    } else {
      void this.#run(question, ticket);
    }
  }

  /** Forgets the answer and every question under way. */
  clear(): void {
    this.#drop();
    this.pending = false;
    this.answer = null;
    this.error = null;
  }

  /** Forgets the questions under way and keeps the last answer. */
  stop(): void {
    this.#drop();
    this.pending = false;
  }

  #drop(): void {
    this.#ticket += 1;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #run(question: () => Promise<Answer>, ticket: number): Promise<void> {
    this.#timer = null;
    try {
      const answer = await question();
      if (ticket !== this.#ticket) return;
      this.answer = answer;
      this.error = null;
    } catch (thrown) {
      if (ticket !== this.#ticket) return;
      this.answer = null;
      this.error = toApiError(thrown);
    }
    this.pending = false;
  }
}
