import type { LoadableName } from "../../api";
import { holderOf, type Holder } from "../../state/holder";
import { Latest } from "../../state/latest.svelte";

const PAUSE_MS = 150;

/** A name that is taken from another image. */
interface Moving {
  familiar: string;
  from: { id: string; created: string | null };
}

/** Names that are written for an image before it is here, and from which images they would be taken. */
export class WrittenNames {
  /** The names, with spaces between them. */
  text = $state("");
  readonly #holders = new Latest<ReadonlyMap<string, Holder>>();
  readonly #own: readonly LoadableName[];

  /** `own` are the names of the archive, which its plan tells of; `id` is the image that they would name. */
  constructor(
    own: readonly LoadableName[] = [],
    readonly id: string | null = null,
  ) {
    this.#own = own;
    this.text = own.map((name) => name.familiar).join(" ");
  }

  get list(): string[] {
    return this.text.split(/\s+/).filter((name) => name !== "");
  }

  /** What would happen to the names is still being asked. */
  get pending(): boolean {
    return this.#holders.pending;
  }

  /** Why one of the names cannot be given. */
  get problem(): string | null {
    const { error, pending } = this.#holders;
    return error && !pending ? [error.message, error.hint].filter(Boolean).join(" ") : null;
  }

  /** Names that would be taken from other images. */
  get moving(): Moving[] {
    const holders = this.#holders.answer;
    return this.list.flatMap((familiar) => {
      const own = this.#own.find((name) => name.familiar === familiar);
      if (own) return own.from ? [{ familiar, from: own.from }] : [];
      const holder = holders?.get(familiar);
      if (!holder || holder.id === null || holder.id === this.id) return [];
      return [{ familiar, from: { id: holder.id, created: holder.created } }];
    });
  }

  /** Takes the names while they are written, and asks for those that the archive's plan does not know. */
  type(text: string): void {
    this.text = text;
    const unknown = this.list.filter((name) => !this.#own.some((own) => own.familiar === name));
    if (unknown.length === 0) {
      this.#holders.clear();
      return;
    }
    this.#holders.ask(
      async () =>
        new Map(await Promise.all(unknown.map(async (name) => [name, await holderOf(null, name)] as const))),
      PAUSE_MS,
    );
  }

  /** Forgets what was to be asked. */
  stop(): void {
    this.#holders.stop();
  }
}
