import Box from "@lucide/svelte/icons/box";
import GitCompare from "@lucide/svelte/icons/git-compare";
import CircleArrowUp from "@lucide/svelte/icons/circle-arrow-up";
import CopyIcon from "@lucide/svelte/icons/copy";
import Download from "@lucide/svelte/icons/download";
import Layers from "@lucide/svelte/icons/layers";
import PanelRight from "@lucide/svelte/icons/panel-right";
import Play from "@lucide/svelte/icons/play";
import RefreshCw from "@lucide/svelte/icons/refresh-cw";
import CopyPlus from "@lucide/svelte/icons/copy-plus";
import Save from "@lucide/svelte/icons/save";
import Tag from "@lucide/svelte/icons/tag";
import Trash from "@lucide/svelte/icons/trash-2";
import Upload from "@lucide/svelte/icons/upload";
import { toApiError, type ImageRow } from "../../api";
import { archives } from "../../state/archives.svelte";
import { copy } from "../../state/clipboard";
import { dialogs, type ContainedImage, type SavedImage } from "../../state/dialogs.svelte";
import { images } from "../../state/images.svelte";
import { navigation } from "../../state/navigation.svelte";
import { status } from "../../state/status.svelte";
import { toasts } from "../../state/toasts.svelte";
import { shortDigest } from "../../text/digest";
import { formatCount } from "../../text/size";
import { updates } from "../../state/updates.svelte";
import type { MenuEntry } from "../../ui/menu";

/** What can be done about a name whose registry names another image by now. */
function newer(row: ImageRow, name: string): MenuEntry[] {
  return [
    {
      label: `What changes in ${name}`,
      icon: GitCompare,
      onselect: () => {
        navigation.compare(row.target, name, "registry");
      },
    },
    {
      label: `Pull ${name}…`,
      icon: Download,
      disabled: status.readOnly,
      onselect: () => {
        dialogs.openPull(name);
      },
    },
  ];
}

/** Opens the tag editor of an image. */
export function editTags(row: ImageRow): void {
  dialogs.openTag({ target: row.target, id: row.id, names: row.names.map((name) => name.full) });
}

/** Opens the dialog that saves these images into a file, all of them: their rows are fetched where they are missing. */
export async function saveImages(targets: Iterable<string>): Promise<void> {
  const rows = await found(targets);
  if (rows.length > 0) dialogs.openSave(rows.map(saved));
}

/** Lets the pointer take an image out of the window, or all that are selected when it is among them. */
export async function dragImages(row: ImageRow, selected: ReadonlySet<string>): Promise<void> {
  const rows = selected.has(row.target) ? await found(selected) : [row];
  if (rows.length > 0) await archives.drag(rows.map(saved));
}

/** The rows of images of this computer; none with a notice where they could not be had. */
async function found(targets: Iterable<string>): Promise<ImageRow[]> {
  try {
    return await images.find([...targets]);
  } catch (thrown) {
    toasts.showError(toApiError(thrown));
    return [];
  }
}

function saved(row: ImageRow): SavedImage {
  return {
    target: row.target,
    names: row.names.filter((name) => name.tag !== null).map((name) => name.familiar),
  };
}

function contained(row: ImageRow): ContainedImage {
  const [name] = row.names;
  return { reference: name?.full ?? row.target, name: name?.familiar ?? shortDigest(row.id) };
}

/** Opens the dialog that makes a container of an image. */
export function createContainer(row: ImageRow): void {
  dialogs.openCreate(contained(row));
}

/** Opens the form that makes a container of an image and starts it. */
export function runImage(row: ImageRow): void {
  dialogs.openRun({ image: contained(row) });
}

/** Compares two images: the older is the first, so that what was added is new. */
function compareImages(one: ImageRow, other: ImageRow): void {
  const [first, second] = (one.created ?? "") <= (other.created ?? "") ? [one, other] : [other, one];
  navigation.compare(first.target, second.names[0]?.familiar ?? second.target);
}

async function compareSelected(selected: ReadonlySet<string>): Promise<void> {
  const [one, other] = await found(selected);
  if (one && other) compareImages(one, other);
}

/** The names of an image that can be given to others, as people write them. */
function names(row: ImageRow): string[] {
  return row.names.filter((name) => name.tag !== null).map((name) => name.familiar);
}

/** Opens the dialog that pushes an image. */
function pushImage(row: ImageRow): void {
  dialogs.openPush({ target: row.target, names: names(row) });
}

/** Opens the dialog that copies an image to another place. */
function copyImage(row: ImageRow): void {
  dialogs.openCopy({ from: null, image: row.target, id: row.id, names: names(row) });
}

/** Opens the removal plan for images. */
export function removeImages(targets: Iterable<string>): void {
  dialogs.openRemoval([...targets].map((value) => ({ kind: "image", value })));
}

function renewals(row: ImageRow): MenuEntry[] {
  const [name] = row.names;
  if (!name?.tag) return [];
  return [
    { label: "Check for updates", icon: CircleArrowUp, onselect: () => void updates.check([row]) },
    ...updates.of(row).flatMap((newName) => newer(row, newName)),
    { label: "Pull again", icon: RefreshCw, onselect: () => dialogs.openPull(name.familiar) },
  ];
}

function copies(row: ImageRow): MenuEntry[] {
  const [name] = row.names;
  const id: MenuEntry = { label: "Copy image ID", icon: CopyIcon, onselect: () => void copy(row.id) };
  if (!name) return [id];
  return [{ label: "Copy name", icon: CopyIcon, onselect: () => void copy(name.familiar) }, id];
}

/** What an open image offers besides the buttons in its header. */
export function moreActions(row: ImageRow): MenuEntry[] {
  return [
    { label: "Push…", icon: Upload, onselect: () => pushImage(row) },
    { label: "Save…", icon: Save, onselect: () => dialogs.openSave([saved(row)]) },
    { label: "Copy to…", icon: CopyPlus, onselect: () => copyImage(row) },
    { label: "Compare…", icon: GitCompare, onselect: () => navigation.compare(row.target) },
    ...renewals(row),
    { kind: "divider" },
    ...copies(row),
  ];
}

/** The actions for one image, or for all that are selected when it is among them. */
export function imageMenu(row: ImageRow, selected: ReadonlySet<string>): MenuEntry[] {
  if (selected.has(row.target) && selected.size > 1) {
    const both: MenuEntry[] =
      selected.size === 2
        ? [{ label: "Compare", icon: GitCompare, onselect: () => void compareSelected(selected) }]
        : [];
    return [
      ...both,
      {
        label: `Save ${formatCount(selected.size, "image")}`,
        icon: Save,
        onselect: () => void saveImages(selected),
      },
      { kind: "divider" },
      {
        label: `Remove ${formatCount(selected.size, "image")}`,
        icon: Trash,
        danger: true,
        keys: "Delete",
        onselect: () => removeImages(selected),
      },
    ];
  }
  const entries: MenuEntry[] = [
    { label: "Open", icon: PanelRight, keys: "Enter", onselect: () => navigation.openImage(row.target) },
    {
      label: "Show layers",
      icon: Layers,
      onselect: () => {
        navigation.openImage(row.target);
        navigation.tab = "layers";
      },
    },
    { label: "Compare…", icon: GitCompare, onselect: () => navigation.compare(row.target) },
    { label: "Edit tags", icon: Tag, onselect: () => editTags(row) },
    { label: "Push…", icon: Upload, onselect: () => pushImage(row) },
    { label: "Copy to…", icon: CopyPlus, onselect: () => copyImage(row) },
    { label: "Save…", icon: Save, onselect: () => dialogs.openSave([saved(row)]) },
  ];
  if (row.runnable)
    entries.push(
      { label: "Run…", icon: Play, onselect: () => runImage(row) },
      { label: "Create container…", icon: Box, onselect: () => createContainer(row) },
    );
  entries.push(...renewals(row));
  entries.push(
    { kind: "divider" },
    ...copies(row),
    { kind: "divider" },
    {
      label: "Remove",
      icon: Trash,
      danger: true,
      keys: "Delete",
      onselect: () => removeImages([row.target]),
    },
  );
  return entries;
}
