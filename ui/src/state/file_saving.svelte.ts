import { api, toApiError, type FilesOf, type FileView, type ListedFile } from "../api";
import { plainUntrusted } from "../text/escapes";
import { operations } from "./operations.svelte";
import { toasts } from "./toasts.svelte";

/** Asks where a file or a folder of an image or a container goes and saves it there. */
export async function saveFile(target: FilesOf, view: FileView, file: ListedFile): Promise<void> {
  try {
    const place = await api.chooseFilePlace(plainUntrusted(file.name), file.kind === "folder");
    if (!place) return;
    operations.begin({
      kind: "save",
      subject: plainUntrusted(file.place),
      platform: null,
      begin: async (id, onEvent) => {
        const form = { token: place.token, target, view, path: file.path };
        const saved = await api.saveFile(id, form, onEvent);
        if (saved.notes[0] !== undefined) {
          toasts.show({ title: "Not everything is as in the image", detail: plainUntrusted(saved.notes[0]) });
        }
        return { target: null, fetchedBytes: saved.writtenBytes, reusedBytes: 0, upToDate: false };
      },
    });
  } catch (thrown) {
    toasts.showError(toApiError(thrown));
  }
}
