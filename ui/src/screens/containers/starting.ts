import type { ContainerRow } from "../../api";
import { navigation } from "../../state/navigation.svelte";
import { running } from "../../state/running.svelte";

/** Starts a container where it can be seen: in a terminal of its page, or in the background with its log in sight. */
export async function startAndShow(row: ContainerRow, terminal: boolean): Promise<void> {
  navigation.openContainer(row.id, "terminal");
  if (terminal) {
    const started = await running.startInTerminal(row);
    if (!started) return;
    running.opened = started.id;
    running.looked.set(row.id, started.id);
  } else if (await running.startInBackground(row)) {
    // Somebody who has gone elsewhere meanwhile stays there.
    if (navigation.container === row.id && navigation.containerTab === "terminal")
      navigation.containerTab = "logs";
  }
}
