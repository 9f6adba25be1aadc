import CopyIcon from "@lucide/svelte/icons/copy";
import CopyPlus from "@lucide/svelte/icons/copy-plus";
import Download from "@lucide/svelte/icons/download";
import PanelRight from "@lucide/svelte/icons/panel-right";
import Tag from "@lucide/svelte/icons/tag";
import Trash from "@lucide/svelte/icons/trash-2";
import type { ImageRow } from "../../api";
import { copy } from "../../state/clipboard";
import { dialogs, type CopiedImage } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { formatCount } from "../../text/size";
import type { MenuEntry } from "../../ui/menu";

/** An engine's image as something that can be carried elsewhere. */
export function carried(place: string | null, row: ImageRow): CopiedImage {
  return {
    from: place,
    image: row.target,
    id: row.id,
    names: row.names.filter((name) => name.tag !== null).map((name) => name.familiar),
  };
}

/** Opens the tag editor of an engine's image. */
export function editPlaceTags(place: string, row: ImageRow): void {
  dialogs.openTag({ place, target: row.target, id: row.id, names: row.names.map((name) => name.full) });
}

/** Opens the removal plan for images of an engine. */
export function removePlaceImages(place: string, targets: Iterable<string>): void {
  dialogs.openRemoval(
    [...targets].map((value) => ({ kind: "image", value })),
    place,
  );
}

/** What can be done with one image of an engine, or with all that are selected when it is among them. */
export function placeImageMenu(
  place: string,
  row: ImageRow,
  selected: ReadonlySet<string> = new Set(),
): MenuEntry[] {
  if (selected.has(row.target) && selected.size > 1) {
    return [
      {
        label: `Remove ${formatCount(selected.size, "image")}`,
        icon: Trash,
        danger: true,
        keys: "Delete",
        onselect: () => {
          removePlaceImages(place, selected);
        },
      },
    ];
  }
  const name = row.names[0];
  const entries: MenuEntry[] = [
    {
      label: "Open",
      icon: PanelRight,
      keys: "Enter",
      onselect: () => {
        navigation.placeImage = row.target;
      },
    },
    {
      label: "Copy to this computer…",
      icon: Download,
      onselect: () => {
        dialogs.openCopy({ ...carried(place, row), to: null });
      },
    },
    {
      label: "Copy to…",
      icon: CopyPlus,
      onselect: () => {
        dialogs.openCopy(carried(place, row));
      },
    },
    {
      label: "Edit tags",
      icon: Tag,
      onselect: () => {
        editPlaceTags(place, row);
      },
    },
    { kind: "divider" },
  ];
  if (name) entries.push({ label: "Copy name", icon: CopyIcon, onselect: () => void copy(name.familiar) });
  entries.push(
    { label: "Copy image ID", icon: CopyIcon, onselect: () => void copy(row.id) },
    { kind: "divider" },
    {
      label: "Remove",
      icon: Trash,
      danger: true,
      keys: "Delete",
      onselect: () => {
        removePlaceImages(place, [row.target]);
      },
    },
  );
  return entries;
}
