import {
  api,
  toApiError,
  type ApiError,
  type ChosenImage,
  type GivenFile,
  type LoadableImage,
  type LoadPlan,
} from "../../api";

/** An image of an archive, with what somebody decided about it. */
export class Candidate {
  wanted = $state(true);
  /** The names that it will get, with spaces between them. */
  names = $state("");

  constructor(readonly image: LoadableImage) {
    this.names = image.names.map((name) => name.familiar).join(" ");
  }

  get chosen(): ChosenImage {
    const names = this.names.split(/\s+/).filter((name) => name !== "");
    return { id: this.image.id, names };
  }

  /** Names that would be taken from other images, as long as they are not edited away. */
  get moving(): LoadableImage["names"] {
    const names = new Set(this.chosen.names);
    return this.image.names.filter((name) => name.from !== null && names.has(name.familiar));
  }
}

/** What is in one file, and what is to become of it. */
export class Inspection {
  plan = $state.raw<LoadPlan | null>(null);
  error = $state.raw<ApiError | null>(null);
  candidates = $state.raw<Candidate[]>([]);
  /** For a root file system: how the image is to be called, and what its history says. */
  name = $state("");
  message = $state("");
  changes = $state("");

  constructor(readonly file: GivenFile) {
    void this.#look();
  }

  async #look(): Promise<void> {
    try {
      const plan = await api.planLoad(this.file.token);
      this.candidates = plan.images.map((image) => new Candidate(image));
      this.plan = plan;
    } catch (thrown) {
      this.error = toApiError(thrown);
    }
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

  /** How many images come of it. */
  get count(): number {
    if (this.plan?.importable) return 1;
    return this.wanted.length;
  }
}
