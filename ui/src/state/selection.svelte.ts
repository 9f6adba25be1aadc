import { SvelteSet } from "svelte/reactivity";

/** Which images of a list are selected, by target, and where the keyboard stands in it. */
export class Selection {
  readonly targets = new SvelteSet<string>();
  /** Index of the item that arrow keys move from. The list may have become shorter since. */
  cursor = $state(0);
  /** Index where a range with Shift begins. */
  anchor = 0;

  /** Selects only these. */
  replace(targets: Iterable<string>): void {
    this.targets.clear();
    for (const target of targets) this.targets.add(target);
  }

  /** Adds one, or takes it away when it was in. */
  toggle(target: string): void {
    if (!this.targets.delete(target)) this.targets.add(target);
  }

  /** Moves the cursor; a new range starts there. */
  place(index: number): void {
    this.cursor = index;
    this.anchor = index;
  }
}
