import { SvelteMap } from "svelte/reactivity";
import { api, toApiError, type ApiError, type KnownLogin, type KnownRegistry } from "../api";

/** Refusals that say nothing against a registry: it only keeps its list to itself. */
const KEPT_BACK: ReadonlySet<string> = new Set(["not_offered", "unauthorized", "denied", "cancelled"]);

/** The registries that somebody signed in to or added, and what is known of them. */
class Registries {
  list = $state.raw<KnownRegistry[]>([]);
  /** Who signs in, once somebody looked; null = nobody. */
  readonly #logins = new SvelteMap<string, KnownLogin | null>();
  /** Why it cannot be used, where that was the last answer. */
  readonly #errors = new SvelteMap<string, ApiError>();

  /** Reads which there are. What cannot be read leaves the list as it was. */
  async load(): Promise<void> {
    try {
      this.list = await api.registries();
    } catch {
      // The next look finds it.
    }
  }

  known(host: string): KnownRegistry | undefined {
    return this.list.find((registry) => registry.host === host);
  }

  /** Looks who signs in there: that may ask a keyring, so it waits until somebody opens the registry. */
  async askLogin(host: string): Promise<void> {
    try {
      this.#logins.set(host, await api.registryLogin(host));
    } catch {
      this.#logins.delete(host);
    }
  }

  signedIn(host: string): boolean {
    return Boolean(this.#logins.get(host));
  }

  refused(host: string): boolean {
    return this.#errors.has(host);
  }

  /** What is known of a registry, in words; empty before anybody looked. */
  about(host: string): string {
    return this.#errors.get(host)?.message ?? this.whoIsSignedIn(host);
  }

  /** Who signs in there, in words; empty before anybody looked. */
  whoIsSignedIn(host: string): string {
    const login = this.#logins.get(host);
    if (login === undefined) return "";
    if (login === null) return "not signed in";
    return login.username === null ? "signed in with a token" : `signed in as ${login.username}`;
  }

  /** Notes what a registry answered; null where it did what was asked. */
  answered(host: string, error: ApiError | null): void {
    if (error && !KEPT_BACK.has(error.code)) this.#errors.set(host, error);
    else this.#errors.delete(host);
  }

  /** Forgets a registry that was added. */
  async forget(host: string): Promise<void> {
    await api.forgetRegistry(host);
    this.#logins.delete(host);
    this.#errors.delete(host);
    await this.load();
  }
}

export const registries = new Registries();

/** The repositories of one registry, from the first page on. */
export class Catalog {
  filter = $state("");
  names = $state.raw<string[]>([]);
  /** Pages are still coming. */
  listing = $state(false);
  error = $state.raw<ApiError | null>(null);
  scrollTop = $state(0);
  #operation: string | null = null;

  readonly shown = $derived.by(() => {
    const words = this.filter.trim().toLowerCase();
    return words === "" ? this.names : this.names.filter((name) => name.toLowerCase().includes(words));
  });

  constructor(readonly host: string) {}

  async load(): Promise<void> {
    this.stop();
    const operation = crypto.randomUUID();
    this.#operation = operation;
    this.names = [];
    this.listing = true;
    this.error = null;
    try {
      const all = await api.listRepositories(operation, this.host, (page) => {
        if (this.#operation === operation && this.listing) this.names = [...this.names, ...page];
      });
      if (this.#operation !== operation) return;
      this.names = all;
    } catch (thrown) {
      if (this.#operation !== operation) return;
      this.error = toApiError(thrown);
    }
    this.listing = false;
    registries.answered(this.host, this.error);
  }

  /** Stops what is under way. */
  stop(): void {
    if (this.#operation && this.listing) void api.cancel(this.#operation).catch(() => undefined);
    this.#operation = null;
  }
}

let last: Catalog | null = null;

/** The list that was on screen last, for whoever comes back to it; else a new one. */
export function catalogOf(host: string): Catalog {
  if (last?.host !== host) last = new Catalog(host);
  return last;
}

/** Forgets the list that was on screen last. */
export function forgetCatalog(): void {
  last = null;
}
