import {
  api,
  toApiError,
  type ApiError,
  type ChosenImage,
  type GivenFile,
  type LoadableImage,
  type LoadPlan,
} from "../../api";
import { shortDigest } from "../../text/digest";
import { WrittenNames } from "./names.svelte";

/** An image of an archive, with what somebody decided about it. */
export class Candidate {
  wanted = $state(true);
  readonly names: WrittenNames;

  constructor(readonly image: LoadableImage) {
    this.names = new WrittenNames(image.names, image.id);
  }

  /** What it is called in the list: its first name in the archive, another word of the archive, or its ID. */
  get called(): string {
    const { names, label, id } = this.image;
    return names[0]?.familiar ?? label ?? shortDigest(id);
  }

  get chosen(): ChosenImage {
    return { id: this.image.id, names: this.names.list };
  }
}

/** What is in one file, and what is to become of it. */
export class Inspection {
  plan = $state.raw<LoadPlan | null>(null);
  error = $state.raw<ApiError | null>(null);
  candidates = $state.raw<Candidate[]>([]);
  /** Of many images only those whose name has these words are shown. */
  filter = $state("");
  /** For a root file system: how the image is to be called, and what its history says. */
  readonly name = new WrittenNames();
  message = $state("");
  changes = $state("");

  readonly #operation = crypto.randomUUID();

  constructor(readonly file: GivenFile) {
    void this.#look();
  }

  async #look(): Promise<void> {
    try {
      const plan = await api.planLoad(this.#operation, this.file.token);
      this.candidates = plan.images.map((image) => new Candidate(image));
      this.plan = plan;
    } catch (thrown) {
      this.error = toApiError(thrown);
    }
  }

  /** The images that are shown. */
  get shown(): Candidate[] {
    const words = this.filter.trim().toLowerCase();
    if (words === "") return this.candidates;
    return this.candidates.filter((candidate) =>
      [candidate.called, candidate.names.text].some((text) => text.toLowerCase().includes(words)),
    );
  }

  /** Takes all that are shown, or none of them. */
  want(wanted: boolean): void {
    for (const candidate of this.shown) candidate.wanted = wanted;
  }

  /** Stops the reading, where it is under way, and forgets what was to be asked. */
  stop(): void {
    if (!this.plan && !this.error) void stopped(this.#operation);
    this.name.stop();
    for (const candidate of this.candidates) candidate.names.stop();
  }

  /** The images that are wanted. */
  get wanted(): Candidate[] {
    return this.candidates.filter((candidate) => candidate.wanted);
  }

  /** Dockerfile instructions, one a line. */
  get instructions(): string[] {
    return this.changes
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  }

  /** The names that images will get, as they are written now. */
  get names(): WrittenNames[] {
    if (this.plan?.importable) return [this.name];
    return this.wanted.map((candidate) => candidate.names);
  }

  /** How many images come of it. */
  get count(): number {
    if (this.plan?.importable) return 1;
    return this.wanted.length;
  }
}

/** The bytes that loading these brings: a layer comes once, however many images and files have it, and not where it is here. */
export function bytesOf(candidates: Candidate[]): number {
  const missing = new Map<string, number>();
  for (const { image } of candidates) {
    if (image.present) continue;
    for (const { digest, size, present } of image.blobs) if (!present) missing.set(digest, size);
  }
  return [...missing.values()].reduce((total, size) => total + size, 0);
}

async function stopped(operation: string): Promise<void> {
  try {
    await api.cancel(operation);
  } catch {
    // What cannot be stopped ends by itself, and nobody waits for it.
  }
}
