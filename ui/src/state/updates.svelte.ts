import { SvelteMap } from "svelte/reactivity";
import { api, toApiError, type ImageRow, type Update } from "../api";
import { formatCount } from "../text/size";
import { dialogs } from "./dialogs.svelte";
import { toasts } from "./toasts.svelte";

/** No registry likes to be asked about more names at a time than anybody reads the answers of. */
const MOST = 200;

/** Names whose registry names something else by now. */
class Updates {
  checking = $state(false);
  readonly #available = new SvelteMap<string, string>();

  /** The names of an image for which there is something newer, as people write them. */
  of(row: ImageRow): string[] {
    return row.names
      .map((name) => name.familiar)
      .filter((name) => {
        const digest = this.#available.get(name);
        return digest !== undefined && digest !== row.target;
      });
  }

  /** Asks about every named image. */
  async checkAll(): Promise<void> {
    try {
      const page = await api.images({ filter: "", sort: "name", descending: false, offset: 0, limit: MOST });
      await this.check(page.rows);
    } catch (thrown) {
      toasts.showError(toApiError(thrown));
    }
  }

  /** Asks the registries of these images, and says in a notice what came of it. */
  async check(rows: ImageRow[]): Promise<void> {
    if (this.checking) return;
    const names = rows.flatMap((row) =>
      row.names.filter((name) => name.tag !== null).map((name) => name.full),
    );
    if (names.length === 0) {
      toasts.show({ title: "No image here has a name that a registry could be asked about" });
      return;
    }
    this.checking = true;
    try {
      this.#tell(await api.checkUpdates(names));
    } catch (thrown) {
      toasts.showError(toApiError(thrown));
    } finally {
      this.checking = false;
    }
  }

  #tell(found: Update[]): void {
    for (const update of found) {
      if (update.state === "available" && update.digest) this.#available.set(update.name, update.digest);
      else this.#available.delete(update.name);
    }
    const available = found.filter((update) => update.state === "available");
    const [first] = available;
    const left = found.find((update) => update.pullsLeft !== null)?.pullsLeft ?? null;
    const rest = [
      sentence(found, "gone", "is gone from its registry", "are gone from their registries"),
      sentence(found, "failed", "could not be asked about", "could not be asked about"),
      left === null ? "" : `${formatCount(left, "pull")} left at Docker Hub.`,
      found.find((update) => update.problem)?.problem ?? "",
    ].filter(Boolean);
    const detail = rest.length > 0 ? rest.join(" ") : undefined;
    if (!first) {
      const asked = found.filter((update) => update.state === "upToDate").length;
      toasts.show({
        title: asked === 1 ? "It is up to date" : `${formatCount(asked, "name")} up to date`,
        detail,
      });
    } else if (available.length === 1) {
      toasts.show({
        title: `There is a newer ${first.name}`,
        detail,
        action: {
          label: "Pull…",
          run: () => {
            dialogs.openPull(first.name);
          },
        },
      });
    } else {
      toasts.show({ title: `Newer images for ${formatCount(available.length, "name")}`, detail });
    }
  }
}

function sentence(found: Update[], state: Update["state"], one: string, many: string): string {
  const those = found.filter((update) => update.state === state);
  if (those.length === 0) return "";
  return those.length === 1 ? `${those[0]?.name ?? ""} ${one}.` : `${String(those.length)} names ${many}.`;
}

export const updates = new Updates();
