import { SvelteMap } from "svelte/reactivity";
import { api, toApiError, type ApiError, type ImageDocument, type Referrer, type RemoteImage } from "../api";
import { FileTree } from "./file_tree.svelte";
import { Latest } from "./latest.svelte";

/** One layer of an image of a registry, whose files are listed once it was read. */
export class RemoteLayer {
  readonly tree: FileTree;
  reading = $state(false);
  /** Its files can be listed. */
  listed = $state(false);
  /** Its files can be read, not only listed. */
  readable = $state(false);
  /** Bytes of the blob that came. */
  current = $state(0);
  error = $state.raw<ApiError | null>(null);
  #operation: string | null = null;

  constructor(
    readonly image: string,
    /** Counted from 1, the base. */
    readonly number: number,
    readonly digest: string,
    readonly size: number,
    /** Whether its blob is on this computer. */
    readonly here: boolean,
  ) {
    this.tree = new FileTree({ remote: image, layer: number });
  }

  /** Reads the layer while it streams by; with `content` it stays at hand until the window goes. */
  async read(content = false): Promise<void> {
    if (this.reading) return;
    const operation = crypto.randomUUID();
    this.#operation = operation;
    this.reading = true;
    this.error = null;
    this.current = 0;
    try {
      await api.readRemoteLayer(operation, { image: this.image, layer: this.number, content }, (event) => {
        if (event.kind !== "progress") return;
        this.current = event.blobs.find((blob) => blob.digest === this.digest)?.current ?? this.current;
      });
      this.listed = true;
      this.readable = content || this.here;
      this.tree.start();
    } catch (thrown) {
      const error = toApiError(thrown);
      if (error.code !== "cancelled") this.error = error;
    }
    this.reading = false;
    this.#operation = null;
  }

  /** Stops reading. */
  async cancel(): Promise<void> {
    if (this.#operation === null) return;
    try {
      await api.cancel(this.#operation);
    } catch {
      // What cannot be stopped ends by itself.
    }
  }
}

/** An image of a registry that is looked at before anybody pulls it. */
export class RemoteLook {
  readonly image = new Latest<RemoteImage>();
  readonly documents = new Latest<ImageDocument[]>();
  readonly referrers = new Latest<Referrer[]>();
  /** The platform that was chosen; null = this computer's. */
  platform = $state<string | null>(null);
  /** The layer that is looked at, counted from 1. */
  layer = $state<number | null>(null);
  readonly #layers = new SvelteMap<number, RemoteLayer>();
  #operation: string | null = null;
  #manifest = "";

  constructor(readonly reference: string) {}

  /** Asks the registry. What was read of the same image before stays. */
  ask(): void {
    void this.#stop();
    const operation = crypto.randomUUID();
    this.#operation = operation;
    const { platform } = this;
    this.image.ask(async () => {
      const found = await api.lookAtRemote(operation, this.reference, platform);
      if (this.#operation === operation) this.#take(found);
      return found;
    });
  }

  /** Looks at the image for another platform. */
  choose(platform: string): void {
    this.platform = platform;
    this.ask();
  }

  /** The layer that is looked at; undefined before there is one. */
  get current(): RemoteLayer | undefined {
    return this.layer === null ? undefined : this.#layers.get(this.layer);
  }

  /** Whether the blob of a layer is on this computer. */
  isHere(number: number): boolean {
    return this.#layers.get(number)?.here ?? false;
  }

  /** Looks at a layer. One that is on this computer is read at once; others cost a transfer, which somebody has to want. */
  lookAt(number: number): void {
    this.layer = number;
    const layer = this.#layers.get(number);
    if (layer?.here && !layer.listed) void layer.read();
  }

  /** Reads the image's documents, unless they are known. */
  needDocuments(): void {
    const image = this.image.answer?.id;
    if (image !== undefined && !this.documents.answer) {
      this.documents.ask(() => api.remoteDocuments(image));
    }
  }

  /** Asks what refers to the image, unless that is known. */
  needReferrers(again = false): void {
    const image = this.image.answer?.id;
    if (image !== undefined && (again || (!this.referrers.answer && !this.referrers.error))) {
      this.referrers.ask(() => api.remoteReferrers(image));
    }
  }

  /** Stops what is under way; what is known stays. */
  async leave(): Promise<void> {
    for (const layer of this.#layers.values()) void layer.cancel();
    await this.#stop();
  }

  #take(found: RemoteImage): void {
    if (this.#manifest !== found.manifestDigest) {
      this.#manifest = found.manifestDigest;
      this.layer = null;
      this.#layers.clear();
      this.documents.clear();
      this.referrers.clear();
    }
    const present = new Set(found.blobs.filter((blob) => blob.present).map((blob) => blob.digest));
    found.layers.forEach((layer, index) => {
      const number = index + 1;
      const here = present.has(layer.digest);
      const known = this.#layers.get(number);
      if (known && (known.here === here || known.listed || known.reading)) return;
      this.#layers.set(number, new RemoteLayer(found.id, number, layer.digest, layer.size, here));
    });
  }

  async #stop(): Promise<void> {
    const operation = this.#operation;
    this.#operation = null;
    if (operation === null || !this.image.pending) return;
    this.image.stop();
    try {
      await api.cancel(operation);
    } catch {
      // What cannot be stopped ends by itself, and nobody waits for it.
    }
  }
}

let last: RemoteLook | null = null;

/** The image that was looked at last, for whoever comes back to it; else a new one. */
export function remoteOf(reference: string): RemoteLook {
  if (last?.reference !== reference) last = new RemoteLook(reference);
  return last;
}
