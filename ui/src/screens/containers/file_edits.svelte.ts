import FilePlus from "@lucide/svelte/icons/file-plus";
import FolderInput from "@lucide/svelte/icons/folder-input";
import FolderPlus from "@lucide/svelte/icons/folder-plus";
import KeyRound from "@lucide/svelte/icons/key-round";
import Pencil from "@lucide/svelte/icons/pencil";
import RotateCcw from "@lucide/svelte/icons/rotate-ccw";
import SquarePen from "@lucide/svelte/icons/square-pen";
import Trash from "@lucide/svelte/icons/trash-2";
import Upload from "@lucide/svelte/icons/upload";
import { api, toApiError, type GivenFile, type ListedFile, type OutlineRow } from "../../api";
import { dialogs } from "../../state/dialogs.svelte";
import { status } from "../../state/status.svelte";
import { toasts } from "../../state/toasts.svelte";
import { plainUntrusted } from "../../text/escapes";
import type { MenuEntry } from "../../ui/menu";
import { losesOwn } from "./words";
import type { WorkingContainer } from "./working.svelte";

/** What a name leads to from a folder, as far as it is text. */
function child(folder: string, name: string): string {
  if (name.startsWith("/")) return name.slice(1);
  return folder === "" ? name : `${folder}/${name}`;
}

/** What is done with the files of a container: it asks what has to be asked, and says what was refused. */
export class FileEdits {
  readonly #working: () => WorkingContainer;
  readonly #add: (files: GivenFile[]) => void;
  /** The file whose text is written. */
  editing = $state.raw<ListedFile | null>(null);

  constructor(working: () => WorkingContainer, add: (files: GivenFile[]) => void) {
    this.#working = working;
    this.#add = add;
  }

  /** Whether nothing can be changed. */
  get locked(): boolean {
    const { row, gone } = this.#working();
    return status.readOnly || !row || gone;
  }

  /** The line that is chosen. */
  get current(): OutlineRow | undefined {
    return this.#working().tree.file ?? undefined;
  }

  /** Whether what is chosen was removed here. */
  get removed(): boolean {
    return this.current?.file.change === "removed";
  }

  /** Lets files or folders of this computer be chosen, and adds them. */
  async choose(folders: boolean): Promise<void> {
    try {
      this.#add(await api.chooseFilesToAdd(folders));
    } catch (thrown) {
      toasts.showError(toApiError(thrown));
    }
  }

  /** Makes a folder or an empty file, whose text can be written then. */
  make(kind: "makeFolder" | "makeFile"): void {
    const working = this.#working();
    const { path, place } = working.folder;
    const what = kind === "makeFolder" ? "folder" : "file";
    dialogs.openName({
      title: `New ${what}`,
      subtitle: `In ${plainUntrusted(place)}`,
      label: "Name",
      value: "",
      action: `Make ${what}`,
      submit: async (name) => {
        const refused = await working.edit([{ kind, folder: path, name }], child(path, name));
        const file = working.tree.file?.file;
        if (!refused && what === "file" && file?.path === child(path, name)) this.editing = file;
        return refused;
      },
    });
  }

  rename({ file }: OutlineRow): void {
    const working = this.#working();
    dialogs.openName({
      title: "Rename",
      subtitle: plainUntrusted(file.place),
      label: "New name",
      hint: "With slashes in it, it goes to another folder.",
      value: file.path.startsWith("\0") ? "" : file.name,
      action: "Rename",
      submit: (name) => working.edit([{ kind: "rename", path: file.path, name }], child(file.folder, name)),
    });
  }

  setAttributes({ file }: OutlineRow): void {
    const working = this.#working();
    dialogs.openAttributes({
      file,
      submit: (next) => working.edit([{ kind: "setAttributes", path: file.path, ...next }], file.path),
    });
  }

  /** Makes it what the image has. */
  async revert({ file }: OutlineRow): Promise<void> {
    const refused = await this.#working().edit([{ kind: "revert", path: file.path }]);
    if (refused) toasts.showError(refused);
  }

  /** Deletes it, after a question where that loses what was made here. */
  remove(line: OutlineRow): void {
    if (line.file.change === "removed") return;
    if (!losesOwn(line)) {
      void this.#remove(line);
      return;
    }
    dialogs.openConfirm({
      title: "Delete what was changed here",
      lines: [
        `${line.file.place} goes, with the changes that were made of it in this container.`,
        "There is no way back to them.",
      ],
      action: "Delete",
      run: () => this.#remove(line),
    });
  }

  async #remove(line: OutlineRow): Promise<void> {
    const working = this.#working();
    const { path } = line.file;
    const refused = await working.edit([{ kind: "remove", path }]);
    if (refused) {
      toasts.showError(refused);
      return;
    }
    toasts.show({
      title: `Deleted ${plainUntrusted(line.file.place)}`,
      action: losesOwn(line)
        ? undefined
        : {
            label: "Put back",
            run: () => {
              void working.edit([{ kind: "revert", path }], path).then((error) => {
                if (error) toasts.showError(error);
              });
            },
          },
    });
  }

  /** What the menu of the chosen line offers, or of none. */
  entries(): MenuEntry[] {
    const { current: line, locked: disabled, removed } = this;
    const list: MenuEntry[] = [];
    if (line && !removed) {
      if (line.file.kind === "file" || line.file.kind === "hardLink")
        list.push({
          label: "Edit text",
          icon: SquarePen,
          disabled,
          onselect: () => (this.editing = line.file),
        });
      list.push(
        { label: "Rename…", icon: Pencil, keys: "F2", disabled, onselect: () => this.rename(line) },
        {
          label: "Permissions and owner…",
          icon: KeyRound,
          disabled,
          onselect: () => this.setAttributes(line),
        },
        { kind: "divider" },
      );
    }
    list.push(
      { label: "New folder…", icon: FolderPlus, disabled, onselect: () => this.make("makeFolder") },
      { label: "New file…", icon: FilePlus, disabled, onselect: () => this.make("makeFile") },
      { label: "Add files…", icon: Upload, disabled, onselect: () => void this.choose(false) },
      { label: "Add folders…", icon: FolderInput, disabled, onselect: () => void this.choose(true) },
    );
    if (!line) return list;
    list.push({ kind: "divider" });
    if (losesOwn(line))
      list.push({
        label: removed ? "Put back" : "Revert to the image's",
        icon: RotateCcw,
        disabled: disabled || (line.file.change === "added" && line.file.kind !== "folder"),
        onselect: () => void this.revert(line),
      });
    if (!removed)
      list.push({
        label: "Delete",
        icon: Trash,
        danger: true,
        keys: "Delete",
        disabled,
        onselect: () => this.remove(line),
      });
    return list;
  }

  /** Does what a key means for the chosen line; tells whether it means something. */
  press(event: KeyboardEvent): boolean {
    const line = this.current;
    if (this.locked || !line) return false;
    if (event.key === "F2" && !this.removed) this.rename(line);
    else if (event.key === "Delete") this.remove(line);
    else return false;
    return true;
  }
}
