import { SvelteMap } from "svelte/reactivity";
import { api, toApiError, type ApiError, type RemoteTag } from "../api";

/** As many at a time as fit on a screen; each is some small requests. */
const BATCH = 24;
const PAUSE_MS = 150;

/** The tags of one repository of a registry, from the first page on. */
export class RepositoryTags {
  filter = $state("");
  /** The names that came yet: page by page, and in the end all in order of versions. */
  names = $state.raw<string[]>([]);
  /** Pages are still coming. */
  listing = $state(true);
  error = $state.raw<ApiError | null>(null);
  detailsError = $state.raw<ApiError | null>(null);
  readonly #details = new SvelteMap<string, RemoteTag>();
  readonly #asked = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #operation: string | null = null;
  /** Grows whenever what is being looked at stops to matter. */
  #generation = 0;

  readonly shown = $derived.by(() => {
    const words = this.filter.trim().toLowerCase();
    return words === "" ? this.names : this.names.filter((name) => name.toLowerCase().includes(words));
  });

  readonly #rank = $derived(new Map(this.names.map((name, index) => [name, index])));

  readonly #byDigest = $derived.by(() => {
    const groups = new Map<string, string[]>();
    for (const tag of this.#details.values()) {
      if (tag.digest === null) continue;
      const group = groups.get(tag.digest);
      if (group) group.push(tag.tag);
      else groups.set(tag.digest, [tag.tag]);
    }
    for (const group of groups.values())
      group.sort((one, other) => (this.#rank.get(one) ?? 0) - (this.#rank.get(other) ?? 0));
    return groups;
  });

  constructor(readonly repository: string) {}

  /** Lists the tags; what was known of them is forgotten. */
  async load(): Promise<void> {
    const operation = crypto.randomUUID();
    this.stop();
    this.#operation = operation;
    this.names = [];
    this.listing = true;
    this.error = null;
    this.forget();
    try {
      const all = await api.listTags(operation, this.repository, (page) => {
        if (this.#operation === operation && this.listing) this.names = [...this.names, ...page];
      });
      if (this.#operation === operation) this.names = all;
    } catch (thrown) {
      const error = toApiError(thrown);
      if (this.#operation === operation && error.code !== "cancelled") this.error = error;
    }
    if (this.#operation === operation) this.listing = false;
  }

  /** What is known of a tag; undefined before it was looked at. */
  details(tag: string): RemoteTag | undefined {
    return this.#details.get(tag);
  }

  /** Other tags that are known to name the same. */
  same(tag: string): string[] {
    const digest = this.#details.get(tag)?.digest;
    return digest ? (this.#byDigest.get(digest) ?? []).filter((other) => other !== tag) : [];
  }

  /** Says which rows are on screen: those are looked at. */
  show(first: number, end: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(this.shown.slice(first, end)), PAUSE_MS);
  }

  /** Forgets what is known of the tags, so that it is asked for again. */
  forget(): void {
    this.#generation += 1;
    this.#details.clear();
    this.#asked.clear();
    this.detailsError = null;
  }

  /** Stops what is under way. */
  stop(): void {
    this.#generation += 1;
    clearTimeout(this.#timer);
    if (this.#operation && this.listing) void api.cancel(this.#operation).catch(() => undefined);
    this.#operation = null;
  }

  async #look(tags: string[]): Promise<void> {
    const generation = this.#generation;
    const wanted = tags.filter((tag) => !this.#asked.has(tag));
    for (let at = 0; at < wanted.length; at += BATCH) {
      const batch = wanted.slice(at, at + BATCH);
      for (const tag of batch) this.#asked.add(tag);
      try {
        const answer = await api.tagDetails(this.repository, batch);
        if (generation !== this.#generation) return;
        for (const found of answer) this.#details.set(found.tag, found);
        this.detailsError = null;
      } catch (thrown) {
        if (generation !== this.#generation) return;
        for (const tag of batch) this.#asked.delete(tag);
        this.detailsError = toApiError(thrown);
        return;
      }
    }
  }
}
