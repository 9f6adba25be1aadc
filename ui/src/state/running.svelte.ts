import { SvelteMap } from "svelte/reactivity";
import {
  api,
  toApiError,
  type ApiError,
  type ContainerRow,
  type RunProbe,
  type TerminalRow,
  type TerminalSize,
} from "../api";
import { containers } from "./containers.svelte";
import { toasts } from "./toasts.svelte";

/** A container that is being started. */
export interface Starting {
  operation: string;
  /** Bytes of its image that were unpacked for it; 0 where they were there. */
  unpacked: number;
}

/** The size of a terminal that nobody has drawn yet. */
const USUAL_SIZE: TerminalSize = { rows: 24, columns: 80 };

/** What runs in containers, and whether anything can run here. */
class Running {
  probe = $state.raw<RunProbe | null>(null);
  probeError = $state.raw<ApiError | null>(null);
  /** By the container's ID. */
  readonly starting = new SvelteMap<string, Starting>();
  /** Why the last start of a container failed. */
  readonly failed = new SvelteMap<string, ApiError>();
  /** The containers that were asked to stop and have not yet. */
  readonly stopping = new SvelteMap<string, true>();
  /** The size of the last terminal that was drawn; the next one is likely to have it too. */
  size: TerminalSize = USUAL_SIZE;
  /** The terminal that was just opened, which gets the keyboard when it is drawn. */
  opened: string | null = null;
  /** The terminal that is looked at, by the container's ID: a look at another tab does not change it. */
  readonly looked = new SvelteMap<string, string>();
  #asked = false;

  /** Finds out, once, what is possible on this computer. */
  async learn(): Promise<void> {
    if (this.#asked) return;
    this.#asked = true;
    try {
      this.probe = await api.probeRunning();
      this.probeError = null;
    } catch (thrown) {
      this.probeError = toApiError(thrown);
      this.#asked = false;
    }
  }

  /** Finds it out once more: somebody has installed something. */
  async learnAgain(): Promise<void> {
    this.#asked = false;
    await this.learn();
  }

  /** Starts a container in a terminal of the window. Null when it did not start; why is in `failed`. */
  startInTerminal(container: ContainerRow): Promise<TerminalRow | null> {
    return this.#start(container, (operation, hear) =>
      api.startInTerminal(operation, container.id, this.size, hear),
    );
  }

  /** Starts a container that lives on when the window is closed. Tells whether it started. */
  async startInBackground(container: ContainerRow): Promise<boolean> {
    const started = await this.#start(container, async (operation, hear) => {
      await api.startInBackground(operation, container.id, hear);
      return true;
    });
    return started === true;
  }

  /** Gives up a start. */
  async cancel(container: string): Promise<void> {
    const starting = this.starting.get(container);
    if (starting) await api.cancel(starting.operation);
  }

  /** Asks a container to stop; after ten seconds it is killed. */
  async stop(container: ContainerRow): Promise<void> {
    if (this.stopping.has(container.id)) return;
    this.stopping.set(container.id, true);
    try {
      await api.stopContainer(container.id);
    } catch (thrown) {
      toasts.showError(toApiError(thrown));
    } finally {
      this.stopping.delete(container.id);
      await containers.refresh();
    }
  }

  /** Ends a container at once. */
  async kill(container: ContainerRow): Promise<void> {
    try {
      await api.signalContainer(container.id, "KILL");
    } catch (thrown) {
      toasts.showError(toApiError(thrown));
    }
  }

  async #start<Started>(
    container: ContainerRow,
    begin: (operation: string, hear: (bytes: number) => void) => Promise<Started>,
  ): Promise<Started | null> {
    const { id } = container;
    if (this.starting.has(id)) return null;
    const operation = crypto.randomUUID();
    this.starting.set(id, { operation, unpacked: 0 });
    this.failed.delete(id);
    try {
      return await begin(operation, (unpacked) => {
        if (this.starting.get(id)?.operation === operation) this.starting.set(id, { operation, unpacked });
      });
    } catch (thrown) {
      const error = toApiError(thrown);
      if (error.code !== "cancelled") this.failed.set(id, error);
      return null;
    } finally {
      this.starting.delete(id);
      await containers.refresh();
    }
  }
}

export const running = new Running();
