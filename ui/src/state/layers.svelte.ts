import { SvelteMap } from "svelte/reactivity";
import { api, type ImageDetail, type LayerRow } from "../api";

/** Which layer the pointer or the keyboard is on, and what is known about layers. */
class Layers {
  /** The diff ID that every strip lights; null dims nothing. */
  lit = $state<string | null>(null);
  #known = new SvelteMap<string, LayerRow>();
  #asked = new Set<string>();

  /** What is known of a layer beyond its size. */
  facts(diffId: string): LayerRow | undefined {
    return this.#known.get(diffId);
  }

  /** Fetches the facts about the layers of an image, once until the store changes. */
  learn(target: string): void {
    if (this.#asked.has(target)) return;
    this.#asked.add(target);
    api.image(target).then(
      (detail) => this.take(detail),
      // Without the facts the strip still names the size; the next look asks again.
      () => this.#asked.delete(target),
    );
  }

  /** Remembers what a detail says about its layers. */
  take(detail: ImageDetail): void {
    for (const layer of detail.layers) this.#known.set(layer.diffId, layer);
  }

  /** Forgets everything: who shares what may have changed. */
  forget(): void {
    this.#known.clear();
    this.#asked.clear();
  }
}

export const layers = new Layers();
