import {
  api,
  toApiError,
  type FileDropped,
  type FileOf,
  type FilesOf,
  type FileView,
  type GivenFile,
  type ListedFile,
} from "../api";
import { plainUntrusted } from "../text/escapes";
import { carry } from "./carry.svelte";
import { operations } from "./operations.svelte";
import { status } from "./status.svelte";
import { toasts } from "./toasts.svelte";

/** Asks where a file or a folder of an image or a container goes and saves it there. */
export async function saveFile(target: FilesOf, view: FileView, file: ListedFile): Promise<void> {
  try {
    const place = await api.chooseFilePlace(plainUntrusted(file.name), file.kind === "folder");
    if (place) write(place, { target, view, path: file.path }, plainUntrusted(file.place), false);
  } catch (thrown) {
    toasts.showError(toApiError(thrown));
  }
}

/** Tells whether the pointer can take a file out of the window: a link would lead elsewhere there, and what was removed is gone. */
export function canDrag(file: ListedFile): boolean {
  return file.kind !== "special" && file.kind !== "symlink" && file.change !== "removed";
}

/**
 * Lets the pointer, whose button went down on a file or a folder, take it out of the window, where the desktop has a way.
 *
 * The mouse's own event begins it: after a drag out of the window, whose end the page does not hear, the pointer's next one is
 * missing.
 */
export function holdFile(event: MouseEvent, source: FileOf): void {
  if (!(status.value?.dragsOut ?? false)) return;
  carry.press(null, event, () => {
    api.dragFile(source).catch((thrown: unknown) => {
      toasts.showError(toApiError(thrown));
    });
  });
}

/** Writes a file that was dropped on another program, which waits for it. */
export function writeDropped({ file, source }: FileDropped): void {
  write(file, source, plainUntrusted(file.name), true);
}

function write(place: GivenFile, source: FileOf, subject: string, once: boolean): void {
  operations.begin({
    kind: "saveFile",
    subject,
    platform: null,
    once,
    begin: async (id, onEvent) => {
      const saved = await api.saveFile(id, { token: place.token, ...source }, onEvent);
      if (saved.notes[0] !== undefined) {
        toasts.show({ title: "Not everything is as in the image", detail: plainUntrusted(saved.notes[0]) });
      }
      return { target: null, fetchedBytes: saved.writtenBytes, reusedBytes: 0, upToDate: false };
    },
  });
}
