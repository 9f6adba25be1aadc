import { api, type SearchResult } from "../api";
import { Latest } from "./latest.svelte";

/** The search in registries, kept for whoever comes back to it. */
class RegistrySearch {
  /** The registry's host; empty = Docker Hub. */
  registry = $state("");
  words = $state("");
  official = $state(false);
  /** Fewer stars are left out; 0 = nothing is. */
  leastStars = $state(0);
  /** The question that the answer belongs to. */
  asked = $state.raw<{ registry: string; words: string } | null>(null);
  readonly results = new Latest<SearchResult[]>();
  scrollTop = $state(0);

  /** Whether there are stars and official images to filter by: at Docker Hub, and where a registry tells of any. */
  readonly rates = $derived.by(() => {
    const registry = this.registry.trim();
    if (registry === "" || registry === "docker.io" || this.official || this.leastStars > 0) return true;
    const found = this.asked?.registry === registry ? (this.results.answer ?? []) : [];
    return found.some((result) => result.stars !== null || result.official);
  });
  readonly canAsk = $derived(this.words.trim() !== "" || this.registry.trim() !== "");

  /** Asks what stands in the fields. */
  ask(): void {
    if (!this.canAsk) return;
    const [registry, words] = [this.registry.trim(), this.words.trim()];
    // What cannot be seen must not leave anything out.
    const filter = this.rates
      ? { leastStars: this.leastStars > 0 ? this.leastStars : null, official: this.official }
      : { leastStars: null, official: false };
    this.asked = { registry, words };
    this.scrollTop = 0;
    this.results.ask(() => api.search(registry, words, filter));
  }
}

export const search = new RegistrySearch();
