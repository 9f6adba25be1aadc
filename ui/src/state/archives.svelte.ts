import {
  api,
  toApiError,
  type ChosenImage,
  type GivenFile,
  type LoadOutcome,
  type SaveCompression,
  type SaveFormat,
} from "../api";
import { archiveName, savedAs } from "../text/archive";
import { plainUntrusted } from "../text/escapes";
import { dialogs, type SavedImage } from "./dialogs.svelte";
import { writeDropped } from "./file_saving.svelte";
import type { Outcome } from "./operation.svelte";
import { operations } from "./operations.svelte";
import { toasts } from "./toasts.svelte";

/** What takes files that are dropped, while it is on screen, instead of the sheet for archives. */
export interface DropTarget {
  title: string;
  text: string;
  take: (files: GivenFile[]) => void;
}

/** Archives on their way in and out: what is held over the window, and the work that is begun with files. */
class Archives {
  /** How many files are held over the window. */
  hovering = $state(0);
  /** What takes the files instead; null: they are looked into. */
  target = $state.raw<DropTarget | null>(null);

  /** Listens for what is dragged over the window and out of it, until the returned function is called. */
  listen(): () => void {
    const hover = api.onFilesHover((count) => {
      this.hovering = count;
    });
    const drop = api.onFilesDropped((files) => {
      this.hovering = 0;
      if (this.target && files.length > 0) this.target.take(files);
      else this.open(files);
    });
    const out = api.onImagesDropped(({ file, images }) => {
      this.#write(file, { images, format: "docker", compression: "none", platforms: [] }, true);
    });
    const file = api.onFileDropped(writeDropped);
    return () => {
      for (const listening of [hover, drop, out, file]) {
        void listening.then((unlisten) => {
          unlisten();
        });
      }
    };
  }

  /** Shows what is in files. */
  open(files: GivenFile[]): void {
    if (files.length > 0) dialogs.openLoad(files);
  }

  /** Asks for archives in a system dialog and shows what is in them. */
  async choose(): Promise<void> {
    try {
      this.open(await api.chooseArchives());
    } catch (thrown) {
      toasts.showError(toApiError(thrown));
    }
  }

  /** Loads the chosen images of a file. */
  load(file: GivenFile, chosen: ChosenImage[]): void {
    operations.begin({
      kind: "load",
      subject: plainUntrusted(file.name),
      platform: null,
      begin: async (id, onEvent) => outcome(await api.load(id, file.token, chosen, onEvent)),
    });
  }

  /** Makes an image of a file system. */
  importRoot(file: GivenFile, name: string, message: string, changes: string[]): void {
    operations.begin({
      kind: "import",
      subject: plainUntrusted(file.name),
      platform: null,
      begin: async (id, onEvent) =>
        outcome(await api.importRoot(id, { token: file.token, name, message, changes }, onEvent)),
    });
  }

  /** Asks where an archive goes and saves images there. Tells whether it was begun. */
  async save(suggested: string, wish: SaveWish): Promise<boolean> {
    const place = await api.chooseArchivePlace(suggested);
    if (!place) return false;
    this.#write(place, wish, false);
    return true;
  }

  /** Lets the pointer, whose button is down, take images out of the window. */
  async drag(images: SavedImage[]): Promise<void> {
    try {
      await api.dragImages(savedAs(images), archiveName(images));
    } catch (thrown) {
      toasts.showError(toApiError(thrown));
    }
  }

  #write(file: GivenFile, wish: SaveWish, once: boolean): void {
    operations.begin({
      kind: "save",
      subject: plainUntrusted(file.name),
      platform: null,
      once,
      begin: async (id, onEvent) => {
        const saved = await api.save(id, { token: file.token, ...wish }, onEvent);
        return { target: null, fetchedBytes: saved.writtenBytes, reusedBytes: 0, upToDate: false };
      },
    });
  }
}

/** What is to be saved, and how. */
interface SaveWish {
  images: string[];
  format: SaveFormat;
  compression: SaveCompression;
  /** Only these of an image that has several; all that are here when empty. */
  platforms: string[];
}

function outcome(loaded: LoadOutcome): Outcome {
  return {
    target: loaded.images.length === 1 ? (loaded.images[0] ?? null) : null,
    imageCount: loaded.images.length,
    fetchedBytes: loaded.fetchedBytes,
    reusedBytes: loaded.reusedBytes,
    upToDate: false,
    moved: loaded.moved,
  };
}

export const archives = new Archives();
