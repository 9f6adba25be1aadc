import Kill from "@lucide/svelte/icons/octagon-x";
import Play from "@lucide/svelte/icons/play";
import ScrollText from "@lucide/svelte/icons/scroll-text";
import SlidersHorizontal from "@lucide/svelte/icons/sliders-horizontal";
import Square from "@lucide/svelte/icons/square";
import SquareTerminal from "@lucide/svelte/icons/square-terminal";
import { toApiError, type ContainerRow } from "../../api";
import { containers } from "../../state/containers.svelte";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { running } from "../../state/running.svelte";
import { status } from "../../state/status.svelte";
import { toasts } from "../../state/toasts.svelte";
import { plainUntrusted } from "../../text/escapes";
import { formatCount, formatSize } from "../../text/size";
import type { MenuEntry } from "../../ui/menu";
import { startAndShow } from "./starting";
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

/** What can be done about the running of a container. */
export function runEntries(row: ContainerRow): MenuEntry[] {
  const logs: MenuEntry = {
    label: "Logs",
    icon: ScrollText,
    disabled: row.status === "created",
    onselect: () => {
      navigation.openContainer(row.id, "logs");
    },
  };
  if (row.running)
    return [
      {
        label: "Terminal",
        icon: SquareTerminal,
        onselect: () => {
          navigation.openContainer(row.id, "terminal");
        },
      },
      logs,
      { kind: "divider" },
      {
        label: "Stop",
        icon: Square,
        disabled: running.stopping.has(row.id),
        onselect: () => void running.stop(row),
      },
      { label: "Kill", icon: Kill, danger: true, onselect: () => void running.kill(row) },
    ];
  const off = status.readOnly || running.probe?.canRun === false || running.starting.has(row.id);
  return [
    {
      label: "Start in a terminal",
      icon: SquareTerminal,
      disabled: off,
      onselect: () => void startAndShow(row, true),
    },
    {
      label: "Start in the background",
      icon: Play,
      disabled: off,
      onselect: () => void running.startInBackground(row).then((started) => reportStart(row, started)),
    },
    {
      label: "Start with options…",
      icon: SlidersHorizontal,
      disabled: status.readOnly,
      onselect: () => {
        dialogs.openRun({ container: row });
      },
    },
    logs,
  ];
}

/** Says how a start ended that nobody looks at. */
function reportStart(row: ContainerRow, started: boolean): void {
  const failed = running.failed.get(row.id);
  if (started) toasts.show({ tone: "good", title: `${row.name} runs in the background` });
  else if (failed) toasts.showError(failed);
}
