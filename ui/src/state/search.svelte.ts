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

  readonly canAsk = $derived(this.words.trim() !== "" || this.registry.trim() !== "");

  /** Asks what stands in the fields. */
  ask(): void {
    if (!this.canAsk) return;
    const [registry, words] = [this.registry.trim(), this.words.trim()];
    const filter = { leastStars: this.leastStars > 0 ? this.leastStars : null, official: this.official };
    this.asked = { registry, words };
    this.scrollTop = 0;
    this.results.ask(() => api.search(registry, words, filter));
  }
}

export const search = new RegistrySearch();
