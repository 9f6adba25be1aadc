import { api, toApiError, type ApiError, type CommitForm, type ContainerRow, type GivenFile } from "../api";
import { plainUntrusted } from "../text/escapes";
import { formatCount } from "../text/size";
import { operations } from "./operations.svelte";
import { toasts } from "./toasts.svelte";

/** The containers of the store. */
class Containers {
  rows = $state.raw<ContainerRow[]>([]);
  /** Whether any answer has come yet. */
  loaded = $state(false);
  error = $state.raw<ApiError | null>(null);
  #ticket = 0;

  /** Asks for them again. The old rows stay until the new ones are here. */
  async refresh(): Promise<void> {
    const ticket = ++this.#ticket;
    try {
      const rows = await api.containers();
      if (ticket !== this.#ticket) return;
      this.rows = rows;
      this.loaded = true;
      this.error = null;
    } catch (thrown) {
      if (ticket === this.#ticket) this.error = toApiError(thrown);
    }
  }

  /** The container of an ID, if it is there. */
  row(id: string): ContainerRow | undefined {
    return this.rows.find((row) => row.id === id);
  }

  /** Makes an image of a container, as an operation. */
  commit(form: CommitForm, image: string): void {
    operations.begin({
      kind: "commit",
      subject: form.name.trim() === "" ? image : form.name.trim(),
      platform: null,
      begin: async (id, onEvent) => {
        const committed = await api.commit(id, form, onEvent);
        return {
          target: committed.target,
          fetchedBytes: committed.layerBytes,
          reusedBytes: 0,
          upToDate: false,
          moved: committed.moved,
        };
      },
    });
  }

  /** Copies files of this computer into a folder of a container, as an operation. `done` is called when they are there. */
  add(container: ContainerRow, folder: string, files: GivenFile[], done: () => void): void {
    const [first, ...others] = files;
    if (!first) return;
    const subject = others.length === 0 ? plainUntrusted(first.name) : formatCount(files.length, "file");
    operations.begin({
      kind: "add",
      subject: `${subject} to ${container.name}`,
      platform: null,
      begin: async (id, onEvent) => {
        const tokens = files.map((file) => file.token);
        try {
          const added = await api.addFiles(id, { container: container.id, folder, tokens }, onEvent);
          return { target: null, fetchedBytes: added.bytes, reusedBytes: 0, upToDate: false };
        } finally {
          done();
          void this.refresh();
        }
      },
    });
  }

  /** Removes a container. Tells whether it went. */
  async remove(container: ContainerRow): Promise<boolean> {
    try {
      await api.removeContainer(container.id);
      toasts.show({ tone: "good", title: `Removed container ${container.name}` });
      await this.refresh();
      return true;
    } catch (thrown) {
      toasts.showError(toApiError(thrown));
      return false;
    }
  }
}

export const containers = new Containers();
