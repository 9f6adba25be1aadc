import type { ContainerRow } from "../../api";
import { containers } from "../../state/containers.svelte";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { formatCount, formatSize } from "../../text/size";

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
