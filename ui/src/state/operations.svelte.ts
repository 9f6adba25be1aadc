import { api, toApiError, type ApiError, type Interrupted, type PullEvent, type PullOutcome } from "../api";
import { toasts } from "./toasts.svelte";

/** Where an operation stands. */
export type OperationStatus = "running" | "done" | "failed" | "cancelled";

/** One blob of an image on its way. */
export interface BlobProgress {
  digest: string;
  /** Diff ID of the layer, once it is known: it gives the bar its hue. */
  diffId: string | null;
  size: number;
  /** Bytes that are here, absolute. */
  current: number;
  /** It was here before the pull began. */
  present: boolean;
}

/** A wait that the engine announced. */
export interface RetryNotice {
  /** The blob that waits; null where a manifest or a token was asked for. */
  digest: string | null;
  reason: string;
  /** When the next attempt starts, in milliseconds since the epoch. */
  at: number;
}

/**
 * One pull from its start to its outcome.
 *
 * Progress arrives as absolute counts, so an event that is lost or late does no harm. The outcome is the promise of the
 * command and never an event.
 */
export class PullOperation {
  readonly id = crypto.randomUUID();
  readonly startedAt = Date.now();

  status = $state<OperationStatus>("running");
  /** The name as the engine understood it; what was typed until then. */
  name = $state("");
  blobs = $state.raw<BlobProgress[]>([]);
  resolved = $state(false);
  downloadBytes = $state(0);
  totalBytes = $state(0);
  fetchedBytes = $state(0);
  bytesPerSecond = $state(0);
  secondsLeft = $state<number | null>(null);
  retry = $state.raw<RetryNotice | null>(null);
  cancelling = $state(false);
  finishedAt = $state<number | null>(null);
  outcome = $state.raw<PullOutcome | null>(null);
  error = $state.raw<ApiError | null>(null);

  /** The blobs that have to be fetched, in the image's order. */
  readonly missing = $derived(this.blobs.filter((blob) => !blob.present));

  constructor(
    readonly reference: string,
    readonly platform: string | null,
  ) {
    this.name = reference;
  }

  /** Takes one progress event in. Events after the outcome change nothing. */
  apply(event: PullEvent): void {
    if (this.status !== "running") return;
    switch (event.kind) {
      case "resolved":
        this.resolved = true;
        this.name = event.name;
        this.downloadBytes = event.downloadBytes;
        this.totalBytes = event.totalBytes;
        this.blobs = event.blobs.map((blob) => ({
          ...blob,
          current: blob.present ? blob.size : blob.partial,
        }));
        return;
      case "progress": {
        this.fetchedBytes = event.fetchedBytes;
        this.bytesPerSecond = event.bytesPerSecond;
        this.secondsLeft = event.secondsLeft;
        const counts = new Map(event.blobs.map((blob) => [blob.digest, blob.current]));
        if (this.retry && this.#hasMoved(this.retry.digest, counts)) this.retry = null;
        this.blobs = this.blobs.map((blob) => ({
          ...blob,
          current: counts.get(blob.digest) ?? blob.current,
        }));
        return;
      }
      case "stored":
        if (this.retry?.digest === event.digest) this.retry = null;
        this.blobs = this.blobs.map((blob) =>
          blob.digest === event.digest ? { ...blob, current: blob.size } : blob,
        );
        return;
      case "retrying":
        this.retry = {
          digest: event.digest,
          reason: event.reason,
          at: Date.now() + event.delaySeconds * 1000,
        };
        this.bytesPerSecond = 0;
        this.secondsLeft = null;
    }
  }

  #isRunning(): boolean {
    return this.status === "running";
  }

  #hasMoved(digest: string | null, counts: Map<string, number>): boolean {
    if (digest === null) return counts.size > 0;
    const before = this.blobs.find((blob) => blob.digest === digest)?.current ?? 0;
    return (counts.get(digest) ?? before) !== before;
  }

  /** Runs the command to its outcome. Never throws: the outcome is in `status`. */
  async run(): Promise<void> {
    try {
      this.outcome = await api.pull(this.id, this.reference, this.platform, (event) => {
        this.apply(event);
      });
      this.status = "done";
    } catch (thrown) {
      const error = toApiError(thrown);
      if (error.code === "cancelled") {
        this.status = "cancelled";
      } else {
        this.error = error;
        this.status = "failed";
      }
    } finally {
      this.finishedAt = Date.now();
      this.retry = null;
    }
  }

  /** Asks the engine to stop. What was fetched stays for the next attempt. */
  async cancel(): Promise<void> {
    if (this.status !== "running" || this.cancelling) return;
    this.cancelling = true;
    try {
      await api.cancel(this.id);
    } catch (thrown) {
      this.cancelling = false;
      // The operation may have come to its end while the wish to cancel was on its way: then there is nothing to say.
      if (this.#isRunning()) toasts.showError(toApiError(thrown));
    }
  }
}

/** Called once for every operation that came to its end. */
export type OutcomeListener = (operation: PullOperation) => void;

/** Every operation of this window, newest first, and what a crash left behind. */
class Operations {
  all = $state.raw<PullOperation[]>([]);
  /** Pulls that died with an earlier run of the program and can go on. */
  interrupted = $state.raw<Interrupted[]>([]);
  interruptedError = $state.raw<ApiError | null>(null);

  readonly running = $derived(this.all.filter((operation) => operation.status === "running"));
  readonly ended = $derived(this.all.filter((operation) => operation.status !== "running"));
  /** How many entries wait for a decision: failed, or cut off by a crash. */
  readonly attention = $derived(
    this.interrupted.length + this.all.filter((operation) => operation.status === "failed").length,
  );
  #listeners = new Set<OutcomeListener>();

  /** Hears of every outcome until the returned function is called. */
  onOutcome(listener: OutcomeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Starts a pull; the same pull that is running already is returned instead of started twice. */
  pull(reference: string, platform: string | null): PullOperation {
    const twin = this.running.find(
      (operation) =>
        operation.reference === reference && operation.platform === platform && !operation.cancelling,
    );
    if (twin) return twin;
    const operation = new PullOperation(reference, platform);
    this.all = [operation, ...this.all];
    void this.#follow(operation);
    return operation;
  }

  async #follow(operation: PullOperation): Promise<void> {
    await operation.run();
    for (const listener of this.#listeners) listener(operation);
  }

  /** Asks for the same thing again; the engine goes on from the bytes that it has. */
  retry(operation: PullOperation): PullOperation {
    this.forget(operation);
    return this.pull(operation.reference, operation.platform);
  }

  /** Takes an operation that has ended off the list. */
  forget(operation: PullOperation): void {
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
  resume(entry: Interrupted): PullOperation {
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
