import { api, toApiError, type ApiError, type CopyEnd, type Interrupted } from "../api";
import { Operation } from "./operation.svelte";
import type { Work } from "./operation.svelte";

/** A pull as work. */
export function pulling(reference: string, platform: string | null): Work {
  return {
    kind: "pull",
    subject: reference,
    platform,
    begin: (id, onEvent) => api.pull(id, reference, platform, onEvent),
  };
}

/** A push as work. */
export function pushing(source: string, destination: string, platform: string | null): Work {
  return {
    kind: "push",
    subject: destination,
    platform,
    begin: async (id, onEvent) => {
      const pushed = await api.push(id, { source, destination, platform }, onEvent);
      return {
        target: null,
        fetchedBytes: pushed.pushedBytes,
        reusedBytes: pushed.existingBytes,
        upToDate: pushed.upToDate,
      };
    },
  };
}

/** A copy between two places as work. */
export function copying(from: CopyEnd, to: CopyEnd, keepNames: boolean): Work {
  return {
    kind: "copy",
    subject: to.image,
    platform: null,
    begin: async (id, onEvent) => {
      const copied = await api.copy(id, { from, to, keepNames }, onEvent);
      return {
        target: to.place === null ? copied.target : null,
        fetchedBytes: 0,
        reusedBytes: 0,
        upToDate: false,
        // An engine keeps no journal, so nothing there can be undone.
        moved: to.place === null ? copied.moved : [],
      };
    },
  };
}

/** Called once for every operation that came to its end. */
export type OutcomeListener = (operation: Operation) => void;

/** Every operation of this window, newest first, and what a crash left behind. */
class Operations {
  all = $state.raw<Operation[]>([]);
  /** Pulls that died with an earlier run of the program and can go on. */
  interrupted = $state.raw<Interrupted[]>([]);
  interruptedError = $state.raw<ApiError | null>(null);

  readonly running = $derived(this.all.filter((operation) => operation.status === "running"));
  readonly ended = $derived(this.all.filter((operation) => operation.status !== "running"));
  /** What waits for a decision, in few words: what failed, else what was cut off by a crash; empty when nothing does. */
  readonly attention = $derived.by(() => {
    const failed = this.all.filter((operation) => operation.status === "failed").length;
    if (failed > 0) return `${String(failed)} failed`;
    return this.interrupted.length > 0 ? `${String(this.interrupted.length)} cut off` : "";
  });
  #listeners = new Set<OutcomeListener>();

  /** Hears of every outcome until the returned function is called. */
  onOutcome(listener: OutcomeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Starts a pull; the same pull that is running already is returned instead of started twice. */
  pull(reference: string, platform: string | null): Operation {
    const twin = this.running.find(
      (operation) =>
        operation.kind === "pull" &&
        operation.subject === reference &&
        operation.platform === platform &&
        !operation.cancelling,
    );
    return twin ?? this.begin(pulling(reference, platform));
  }

  /** Starts a push; the same push that is running already is returned instead of started twice. */
  push(source: string, destination: string, platform: string | null): Operation {
    const twin = this.running.find(
      (operation) =>
        operation.kind === "push" &&
        operation.subject === destination &&
        operation.platform === platform &&
        !operation.cancelling,
    );
    return twin ?? this.begin(pushing(source, destination, platform));
  }

  /** Starts a copy from one place to another. */
  copy(from: CopyEnd, to: CopyEnd, keepNames: boolean): Operation {
    return this.begin(copying(from, to, keepNames));
  }

  /** Begins some work. */
  begin(work: Work): Operation {
    const operation = new Operation(work);
    this.all = [operation, ...this.all];
    void this.#follow(operation);
    return operation;
  }

  async #follow(operation: Operation): Promise<void> {
    await operation.run();
    for (const listener of this.#listeners) listener(operation);
  }

  /** Asks for the same thing again; the engine goes on from the bytes that it has. */
  retry(operation: Operation): Operation {
    this.forget(operation);
    return operation.kind === "pull"
      ? this.pull(operation.subject, operation.platform)
      : this.begin(operation.work);
  }

  /** Takes an operation that has ended off the list. */
  forget(operation: Operation): void {
    if (operation.status === "running") return;
    this.all = this.all.filter((other) => other !== operation);
  }

  /** Takes everything that has ended off the list. */
  forgetEnded(): void {
    this.all = this.running;
  }

  /** Asks the engine what an earlier run of the program left unfinished. */
  async loadInterrupted(): Promise<void> {
    try {
      this.interrupted = await api.interrupted();
      this.interruptedError = null;
    } catch (thrown) {
      this.interruptedError = toApiError(thrown);
    }
  }

  /**
   * Goes on with an interrupted pull.
   *
   * The pull takes the engine's note of the interruption over, and strikes it out with its own end: until then another crash
   * finds it again. What is still noted afterwards is asked for anew.
   */
  resume(entry: Interrupted): Operation {
    this.interrupted = this.interrupted.filter((other) => other.id !== entry.id);
    const operation = this.pull(entry.reference, entry.platform);
    const stop = this.onOutcome((ended) => {
      if (ended !== operation) return;
      stop();
      void this.loadInterrupted();
    });
    return operation;
  }

  /** Forgets an interrupted pull; its partial bytes go at the next clean-up. */
  async dismiss(entry: Interrupted): Promise<void> {
    try {
      await api.dismissInterrupted(entry.id);
      this.interrupted = this.interrupted.filter((other) => other.id !== entry.id);
      this.interruptedError = null;
    } catch (thrown) {
      this.interruptedError = toApiError(thrown);
    }
  }
}

export const operations = new Operations();
