import { api, toApiError, type ApiError, type PullEvent, type TagMove } from "../api";
import { toasts } from "./toasts.svelte";

/** What operations do. */
export type OperationKind =
  "pull" | "push" | "copy" | "load" | "import" | "save" | "saveFile" | "commit" | "add";

/** What the window says of each kind. */
export const VERBS: Record<OperationKind, { doing: string; done: string; failed: string; again: string }> = {
  pull: { doing: "Pulling", done: "Pulled", failed: "was not pulled", again: "Pull" },
  push: { doing: "Pushing", done: "Pushed", failed: "was not pushed", again: "Push" },
  copy: { doing: "Copying", done: "Copied", failed: "was not copied", again: "Copy" },
  load: { doing: "Loading", done: "Loaded", failed: "was not loaded", again: "Load" },
  import: { doing: "Importing", done: "Imported", failed: "was not imported", again: "Import" },
  commit: { doing: "Committing", done: "Committed", failed: "was not committed", again: "Commit" },
  add: { doing: "Adding", done: "Added", failed: "was not added", again: "Add" },
  save: { doing: "Saving", done: "Saved", failed: "was not saved", again: "Save" },
  saveFile: { doing: "Saving", done: "Saved", failed: "was not saved", again: "Save" },
};

/** What an operation brought about, whatever its kind. */
export interface Outcome {
  /** The image to show afterwards, by its target; null where there is none, or several. */
  target: string | null;
  /** How many images came of it, where they can be several. */
  imageCount?: number;
  fetchedBytes: number;
  reusedBytes: number;
  upToDate: boolean;
  /** Names that were made or moved, where undoing takes all of them back. */
  moved?: TagMove[];
}

/** What an operation is to do. It can be begun more than once, for another attempt. */
export interface Work {
  kind: OperationKind;
  /** The image or file that it is about, as people write it. */
  subject: string;
  platform: string | null;
  /** Somebody waited for it, so that doing it again later helps nobody. */
  once?: boolean;
  begin: (id: string, onEvent: (event: PullEvent) => void) => Promise<Outcome>;
}

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
 * One operation from its start to its outcome.
 *
 * Progress arrives as absolute counts, so an event that is lost or late does no harm. The outcome is the promise of the
 * command and never an event.
 */
export class Operation {
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
  outcome = $state.raw<Outcome | null>(null);
  error = $state.raw<ApiError | null>(null);

  /** The blobs that have to be fetched, in the image's order. */
  readonly missing = $derived(this.blobs.filter((blob) => !blob.present));

  constructor(readonly work: Work) {
    this.name = work.subject;
  }

  get kind(): OperationKind {
    return this.work.kind;
  }

  /** The image or file that it is about, as people write it. */
  get subject(): string {
    return this.work.subject;
  }

  get platform(): string | null {
    return this.work.platform;
  }

  /** Takes one progress event in. Events after the outcome change nothing. */
  apply(event: PullEvent): void {
    if (this.status !== "running") return;
    switch (event.kind) {
      case "resolved":
        this.resolved = true;
        if (event.name !== "") this.name = event.name;
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
      this.outcome = await this.work.begin(this.id, (event) => {
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
