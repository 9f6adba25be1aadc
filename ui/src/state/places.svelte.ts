import { SvelteMap } from "svelte/reactivity";
import { api, toApiError, type ApiError, type Place, type PlaceState } from "../api";

/** What came of asking an engine who it is. */
export interface Asked {
  state: PlaceState | null;
  error: ApiError | null;
  /** The question is under way. */
  pending: boolean;
}

/** The engines besides this computer: those that were found, and whether they answer. */
class Places {
  list = $state.raw<Place[]>([]);
  error = $state.raw<ApiError | null>(null);
  /** Grows whenever something in an engine was changed from here, so that what is shown is asked for again. */
  changes = $state(0);
  /** The number of the newest question to each engine. */
  readonly #tickets = new Map<string, number>();
  readonly #asked = new SvelteMap<string, Asked>();
  #looking = false;

  /** What is known of an engine; nothing before it was asked. */
  asked(id: string): Asked | undefined {
    return this.#asked.get(id);
  }

  title(id: string): string {
    return this.list.find((place) => place.id === id)?.title ?? id;
  }

  /** Looks for engines again, and asks those on this computer who they are; a remote one is asked when it is opened. */
  async refresh(): Promise<void> {
    try {
      this.list = await api.places();
      this.error = null;
    } catch (thrown) {
      this.error = toApiError(thrown);
      return;
    }
    await Promise.all(this.list.filter((place) => !place.remote).map((place) => this.ask(place.id)));
  }

  /**
   * Reads again which engines there are, and asks only those on this computer that are new or somewhere else by now.
   *
   * What cannot be read leaves the list as it was: nobody asked for it.
   */
  async lookAgain(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const before = new Map(this.list.map((place) => [place.id, place.address]));
      this.list = await api.places();
      this.error = null;
      const changed = this.list.filter((place) => before.get(place.id) !== place.address);
      for (const place of changed) if (before.has(place.id)) this.#asked.delete(place.id);
      await Promise.all(changed.filter((place) => !place.remote).map((place) => this.ask(place.id)));
    } catch {
      // The next look finds it.
    } finally {
      this.#looking = false;
    }
  }

  /** Connects to an engine and asks who it is. */
  async ask(id: string): Promise<void> {
    const ticket = (this.#tickets.get(id) ?? 0) + 1;
    this.#tickets.set(id, ticket);
    const before = this.#asked.get(id);
    this.#asked.set(id, { state: before?.state ?? null, error: before?.error ?? null, pending: true });
    let answer: Asked;
    try {
      answer = { state: await api.placeState(id), error: null, pending: false };
    } catch (thrown) {
      answer = { state: null, error: toApiError(thrown), pending: false };
    }
    // A later question knows better, whichever answer comes first.
    if (this.#tickets.get(id) === ticket) this.#asked.set(id, answer);
  }

  /** Says that something in an engine was changed. */
  changed(id: string): void {
    this.changes += 1;
    void this.ask(id);
  }
}

export const places = new Places();
