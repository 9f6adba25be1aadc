import {
  api,
  toApiError,
  type ApiError,
  type ContainerChange,
  type ContainerRow,
  type FileEdit,
  type ImageDetail,
} from "../../api";
import { SvelteMap } from "svelte/reactivity";
import { containers } from "../../state/containers.svelte";
import { FileTree } from "../../state/file_tree.svelte";
import { Latest } from "../../state/latest.svelte";

/** One container that is open: its facts, its files, and what was changed of them. */
export class WorkingContainer {
  row = $state.raw<ContainerRow | null>(null);
  image = $state.raw<ImageDetail | null>(null);
  error = $state.raw<ApiError | null>(null);
  /** Whether it has gone while it was open: it was to be removed when it ended. */
  gone = $state(false);
  readonly changes = new Latest<ContainerChange[]>();
  readonly tree: FileTree;
  /** Names the files to the commands; another object after every change, so that what was read of them is read again. */
  files = $state.raw<{ container: string }>({ container: "" });
  /** The layer that the changes are to be, counted from 1. */
  readonly top = $derived((this.image?.layers.length ?? 0) + 1);
  #started = false;
  #queue: Promise<void> = Promise.resolve();

  constructor(readonly id: string) {
    this.files = { container: id };
    this.tree = new FileTree({ container: id });
  }

  /** Reads everything, for the first time or because the store has changed, and brings `reveal` into sight. */
  load(reveal: string | null = null): Promise<void> {
    // One after the other: the tree would take the answer to an older question for that of a newer one.
    this.#queue = this.#queue.then(() => this.#read(reveal));
    return this.#queue;
  }

  async #read(reveal: string | null): Promise<void> {
    try {
      const row = await api.container(this.id);
      this.image ??= await api.image(row.target);
      this.row = row;
      this.error = null;
    } catch (thrown) {
      const error = toApiError(thrown);
      this.gone = error.code === "not_found" && this.row !== null;
      if (this.gone && this.row) this.row = { ...this.row, running: false, status: "exited" };
      else this.error = error;
      return;
    }
    this.changes.ask(() => api.containerChanges(this.id));
    this.files = { container: this.id };
    if (this.#started) await this.tree.refresh(reveal);
    else await this.tree.look({ kind: "upTo", layer: this.top });
    this.#started = true;
  }

  /** Changes files, and then brings `reveal` into sight. Returns why it was refused, if it was. */
  async edit(edits: FileEdit[], reveal: string | null = null): Promise<ApiError | null> {
    try {
      await api.editContainer(this.id, edits);
    } catch (thrown) {
      return toApiError(thrown);
    }
    await this.load(reveal);
    void containers.refresh();
    return null;
  }

  /** The folder that something new goes into: the current one, or the one that the current file is in. */
  get folder(): { path: string; place: string } {
    const file = this.tree.file?.file;
    if (!file) return { path: "", place: "/" };
    if (file.kind === "folder" && file.change !== "removed") return { path: file.path, place: file.place };
    return { path: file.folder, place: file.place.slice(0, Math.max(1, file.place.lastIndexOf("/"))) };
  }
}

/** Texts that were written and not saved: looking elsewhere loses none. */
class Drafts {
  readonly #texts = new SvelteMap<string, { container: string; path: string; place: string; text: string }>();

  /** What was written into a file, if it was not saved. */
  get(container: string, path: string): string | undefined {
    return this.#texts.get(`${container} ${path}`)?.text;
  }

  /** Keeps what was written, with the line ends that it is saved with. */
  keep(container: string, { path, place }: { path: string; place: string }, text: string): void {
    this.#texts.set(`${container} ${path}`, { container, path, place, text });
  }

  drop(container: string, path: string): void {
    this.#texts.delete(`${container} ${path}`);
  }

  /** The files of a container that have such texts. */
  of(container: string): { path: string; place: string; text: string }[] {
    return [...this.#texts.values()].filter((draft) => draft.container === container);
  }

  /** Saves what was written into a container's files: all of it, or nothing. */
  async save(container: string): Promise<void> {
    const kept = this.of(container);
    await api.editContainer(
      container,
      kept.map(({ path, text }) => ({ kind: "write", path, text })),
    );
    for (const { path } of kept) this.drop(container, path);
  }

  clear(): void {
    this.#texts.clear();
  }
}

export const drafts = new Drafts();
