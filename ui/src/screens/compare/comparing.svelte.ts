import {
  api,
  toApiError,
  type ApiError,
  type Comparison,
  type Completion,
  type GivenFile,
  type ImageAddress,
  type PlaceKind,
  type PullEvent,
} from "../../api";
import { Latest } from "../../state/latest.svelte";
import { shortDigest } from "../../text/digest";

const COMPLETION_PAUSE_MS = 120;

/** One image that is compared with another, wherever that is. */
export class Comparing {
  kind = $state<PlaceKind>("here");
  text = $state("");
  file = $state.raw<GivenFile | null>(null);
  /** What the images of the file are called, where it has several. */
  labels = $state.raw<string[]>([]);
  label = $state("");
  /** Whether the other image is the first of the two. */
  swapped = $state(false);
  answer = $state.raw<Comparison | null>(null);
  /** What the answer is about, as people write it. */
  other = $state("");
  error = $state.raw<ApiError | null>(null);
  pending = $state(false);
  /** How many bytes of the layers that are not here were read, of how many; null while there are none to wait for. */
  progress = $state.raw<{ current: number; total: number } | null>(null);
  readonly completions = new Latest<Completion[]>();
  /** Names of this computer only, where the other image is looked for there. */
  readonly offers = $derived(
    (this.completions.answer ?? []).filter((offer) => this.kind === "registry" || offer.kind === "local"),
  );
  readonly ready = $derived(this.kind === "file" ? this.file !== null : this.text.trim() !== "");
  #operation: string | null = null;

  constructor(readonly own: ImageAddress) {}

  choose(kind: PlaceKind): void {
    this.kind = kind;
    this.error = null;
  }

  /** Takes a keystroke in. */
  type(text: string): void {
    this.text = text;
    this.error = null;
    const wanted = text.trim();
    if (wanted === "") this.completions.clear();
    else this.completions.ask(() => api.completeReference(wanted), COMPLETION_PAUSE_MS);
  }

  /** Takes a name that is known to be one, and compares at once. */
  take(name: string): void {
    this.text = name;
    this.completions.clear();
    void this.compare();
  }

  /** Asks for a file in a system dialog, and compares with what is in it. */
  async chooseFile(): Promise<void> {
    try {
      const [file] = await api.chooseArchives();
      if (!file) return;
      this.kind = "file";
      this.file = file;
      const { images } = await api.planLoad(crypto.randomUUID(), file.token);
      // Another file may have been chosen meanwhile.
      if (this.file !== file) return;
      const called = images.flatMap((image) => image.names[0]?.familiar ?? image.label ?? []);
      this.labels = images.length > 1 ? called : [];
      this.label = this.labels[0] ?? "";
      // Of several the person chooses one first.
      if (this.labels.length === 0) await this.compare();
    } catch (thrown) {
      this.error = toApiError(thrown);
    }
  }

  /** Compares, unless that is under way. */
  async compare(): Promise<void> {
    const address = this.#address();
    if (!address) return;
    const before = this.#operation;
    const operation = crypto.randomUUID();
    // Before anything is waited for: of two wishes the later one counts.
    this.#operation = operation;
    this.pending = true;
    this.progress = null;
    this.error = null;
    if (before !== null) await stopped(before);
    if (this.#operation !== operation) return;
    const [a, b] = this.swapped ? [address, this.own] : [this.own, address];
    try {
      const answer = await api.compare(operation, a, b, (event) => {
        if (this.#operation === operation) this.#hear(event);
      });
      if (this.#operation !== operation) return;
      this.other = this.#called(address);
      this.answer = answer;
    } catch (thrown) {
      if (this.#operation !== operation) return;
      const error = toApiError(thrown);
      this.error = error.code === "cancelled" ? null : error;
    }
    this.pending = false;
    this.#operation = null;
  }

  /** Looks the other way: what was added was removed. */
  swap(): void {
    this.swapped = !this.swapped;
    if (this.answer) void this.compare();
  }

  /** Stops what is under way. */
  async cancel(): Promise<void> {
    const operation = this.#operation;
    if (operation === null) return;
    this.#operation = null;
    this.pending = false;
    await stopped(operation);
  }

  #hear(event: PullEvent): void {
    if (event.kind === "resolved") {
      this.progress = event.downloadBytes > 0 ? { current: 0, total: event.downloadBytes } : null;
    } else if (event.kind === "progress" && this.progress) {
      this.progress = { ...this.progress, current: event.fetchedBytes };
    }
  }

  #called(address: ImageAddress): string {
    if (address.kind === "file") return address.label ?? this.file?.name ?? "";
    return address.value.startsWith("sha256:") ? shortDigest(address.value) : address.value;
  }

  #address(): ImageAddress | null {
    if (this.kind === "file") {
      return this.file ? { kind: "file", value: this.file.token, label: this.label || null } : null;
    }
    const value = this.text.trim();
    return value === "" ? null : { kind: this.kind, value, label: null };
  }
}

async function stopped(operation: string): Promise<void> {
  try {
    await api.cancel(operation);
  } catch {
    // What cannot be stopped ends by itself, and nobody waits for it.
  }
}

let last: Comparing | null = null;

/** The comparison of an image that was on screen last, for whoever comes back to the tab; else a new one. */
export function comparingOf(own: ImageAddress): Comparing {
  if (last?.own.kind !== own.kind || last.own.value !== own.value) last = new Comparing(own);
  return last;
}
