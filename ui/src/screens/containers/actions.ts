import { toApiError, type ContainerRow } from "../../api";
import { containers } from "../../state/containers.svelte";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { toasts } from "../../state/toasts.svelte";
import { plainUntrusted } from "../../text/escapes";
import { formatCount, formatSize } from "../../text/size";
import { drafts } from "./working.svelte";

/** Shows what goes with a container, and removes it if that is wanted. */
export function removeContainer(row: ContainerRow): void {
  dialogs.openConfirm({
    title: `Remove container ${row.name}`,
    lines: [
      row.changes === 0
        ? "Nothing was changed in it."
        : `${formatCount(row.changes, "change")} of its files and their ${formatSize(row.size)} go for good.`,
      `The image ${row.image} stays.`,
    ],
    blocked: row.running ? "Something runs in it. Stop it first." : null,
    action: row.size > 0 ? `Remove container, free ${formatSize(row.size)}` : "Remove container",
    run: async () => {
      if ((await containers.remove(row)) && navigation.container === row.id) navigation.closeContainer();
    },
  });
}

/** Opens the commit dialog; where texts were written and not saved, after asking what becomes of them. */
export function commitContainer(row: ContainerRow): void {
  const unsaved = drafts.of(row.id);
  if (unsaved.length === 0) {
    dialogs.openCommit(row);
    return;
  }
  dialogs.openConfirm({
    title: `Save ${formatCount(unsaved.length, "file")} first`,
    lines: [
      ...unsaved.map(({ place }) => `${plainUntrusted(place)} has text that was written and not saved.`),
      "A commit takes what is saved. To leave it out, discard it in the editor.",
    ],
    action: "Save and go on",
    tone: "primary",
    run: async () => {
      try {
        await drafts.save(row.id);
      } catch (thrown) {
        toasts.showError(toApiError(thrown));
        return;
      }
      void containers.refresh();
      dialogs.openCommit(row);
    },
  });
}
