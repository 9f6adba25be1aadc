import { api, type ListedFile } from "../api";
import { FileTree } from "./file_tree.svelte";
import { Pages } from "./pages.svelte";

const PAUSE_MS = 150;

/** What a search over all layers of an image finds. */
export class FileSearch {
  readonly found = new Pages<ListedFile>();
  text = $state("");
  current = $state(-1);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly target: string) {}

  /** Whether anything is looked for. No derived rune: it would end with the screen that asked first. */
  get active(): boolean {
    return this.text.trim() !== "";
  }

  /** Looks for something else, as soon as the typing pauses. */
  type(text: string): void {
    this.text = text;
    this.current = -1;
    clearTimeout(this.#timer);
    if (!this.active) {
      this.found.clear();
      return;
    }
    this.found.expect();
    this.#timer = setTimeout(() => {
      void this.found.show((offset, limit) => api.searchFiles(this.target, text, offset, limit));
    }, PAUSE_MS);
  }

  /** Makes a result the current one, and returns it if it is here. */
  select(place: number): ListedFile | undefined {
    if (this.found.total === 0) return undefined;
    this.current = Math.min(Math.max(place, 0), this.found.total - 1);
    return this.found.row(this.current);
  }
}

/** Which way the files of a layer are looked at. */
export type LayerMode = "layer" | "upTo";

/** One image looked into: a tree for its layers, one for what a container sees. */
export class Explorer {
  readonly layers: FileTree;
  readonly files: FileTree;
  readonly layersSearch: FileSearch;
  readonly filesSearch: FileSearch;
  /** The layer that is looked at, counted from 1; null before there is one. */
  layer = $state<number | null>(null);
  mode = $state<LayerMode>("layer");

  constructor(readonly target: string) {
    this.layers = new FileTree(target);
    this.files = new FileTree(target);
    this.layersSearch = new FileSearch(target);
    this.filesSearch = new FileSearch(target);
  }

  /** Looks at a layer, alone or with what lies below it. */
  async lookAt(layer: number, mode: LayerMode = this.mode): Promise<void> {
    if (layer === this.layer && mode === this.mode && this.layers.lines.total > 0) return;
    this.layer = layer;
    this.mode = mode;
    await this.layers.look({ kind: mode, layer });
  }

  /** Opens the way to a file as a layer left it, in the tree of the layers. */
  async show(path: string, layer: number): Promise<void> {
    this.layersSearch.type("");
    this.layer = layer;
    this.layers.view = { kind: this.mode, layer };
    if (await this.layers.reveal(path)) return;
    // A folder above it may be all that the layer has of it.
    this.mode = "upTo";
    this.layers.changedOnly = false;
    await this.layers.look({ kind: "upTo", layer });
    await this.layers.reveal(path);
  }
}

/** The image that is looked into. Going to its other tabs and back finds everything as it was. */
class Explorers {
  #last: Explorer | null = null;

  /** The explorer of an image: the same one as before, or a new one where another was looked into since. */
  of(target: string): Explorer {
    if (this.#last?.target !== target) this.#last = new Explorer(target);
    return this.#last;
  }

  /** Forgets everything that is known. */
  forget(): void {
    this.#last = null;
  }
}

export const explorers = new Explorers();
