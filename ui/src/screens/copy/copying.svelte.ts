import type { CopiedImage } from "../../state/dialogs.svelte";
import { holderOf, type Holder } from "../../state/holder";
import { Latest } from "../../state/latest.svelte";

const PAUSE_MS = 200;

/** The value of a destination that is this computer. */
export const HERE = "here";

/** Where an image goes and what it is called there. */
export class Copying {
  destination = $state(HERE);
  name = $state("");
  keepNames = $state(false);
  readonly holder = new Latest<Holder>();

  readonly wanted = $derived(this.name.trim());
  /** The engine that it goes to; null = this computer. */
  readonly place = $derived(this.destination === HERE ? null : this.destination);

  constructor(
    readonly image: CopiedImage,
    destination: string,
  ) {
    this.destination = destination;
    this.name = image.names[0] ?? "";
    // The place that it is in already has the name.
    if (destination !== (image.from ?? HERE)) this.#ask(0);
  }

  type(name: string): void {
    this.name = name;
    this.#ask(PAUSE_MS);
  }

  choose(destination: string): void {
    this.destination = destination;
    this.#ask(0);
  }

  stop(): void {
    this.holder.stop();
  }

  #ask(pause: number): void {
    const [place, name] = [this.place, this.wanted];
    if (name === "") this.holder.clear();
    else this.holder.ask(() => holderOf(place, name), pause);
  }
}
