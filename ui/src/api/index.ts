/**
 * The only door between the window and the engine.
 *
 * Nothing else imports `@tauri-apps/*` or the generated bindings. Every call resolves to plain data or throws an
 * `ApiError` whose code the caller may branch on; no caller ever looks at `{status: "error"}`.
 */
import { Channel } from "@tauri-apps/api/core";
import {
  commands,
  events,
  type ChosenImage,
  type Completion,
  type CheckReport,
  type DiskUsage,
  type GivenFile,
  type ImageDetail,
  type ImageDocument,
  type ImagePage,
  type ImageQuery,
  type ImagesDropped,
  type Interrupted,
  type JournalEntry,
  type LoadOutcome,
  type LoadPlan,
  type Plan,
  type PullEvent,
  type PullOutcome,
  type PullPlan,
  type Removed,
  type SaveCompression,
  type SaveFormat,
  type SaveOutcome,
  type Selection,
  type Settings,
  type StoreStatus,
  type TagMove,
  type TagPlan,
  type Undoable,
} from "./bindings";

export type * from "./bindings";

/** Stops listening. */
export type Unlisten = () => void;

/** A refusal by the engine, in words for the person at the screen. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** Stable word to branch on, such as `plan_stale` or `cancelled`. */
    readonly code: string,
    message: string,
    /** One thing to do about it, when there is one. */
    readonly hint: string | null,
  ) {
    super(message);
  }
}

/**
 * Turns anything that was thrown into an `ApiError`.
 *
 * A rejected argument or a dead bridge arrives as a bare string or an `Error`: that is our fault, so it becomes
 * `internal` and keeps its words for the report.
 */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof Error) return new ApiError("internal", thrown.message, null);
  if (isPayload(thrown)) return new ApiError(thrown.code, thrown.message, thrown.hint ?? null);
  return new ApiError("internal", String(thrown), null);
}

interface Payload {
  code: string;
  message: string;
  hint?: string | null;
}

function isPayload(value: unknown): value is Payload {
  return typeof value === "object" && value !== null && "code" in value && "message" in value;
}

type Answer<T> = { status: "ok"; data: T } | { status: "error"; error: unknown };

async function unwrap<T>(answer: Promise<Answer<T>>): Promise<T> {
  let settled: Answer<T>;
  try {
    settled = await answer;
  } catch (thrown) {
    throw toApiError(thrown);
  }
  if (settled.status === "error") throw toApiError(settled.error);
  return settled.data;
}

function hearing(onEvent: (event: PullEvent) => void): Channel<PullEvent> {
  const channel = new Channel<PullEvent>();
  channel.onmessage = onEvent;
  return channel;
}

export const api = {
  images: (query: ImageQuery): Promise<ImagePage> => unwrap(commands.images(query)),
  image: (target: string): Promise<ImageDetail> => unwrap(commands.image(target)),
  imageDocuments: (target: string): Promise<ImageDocument[]> => unwrap(commands.imageDocuments(target)),

  planPull: (reference: string, platform: string | null): Promise<PullPlan> =>
    unwrap(commands.planPull(reference, platform)),

  /** Runs a pull to its end. `onEvent` hears progress only; success is the value, failure the throw. */
  pull(
    operation: string,
    reference: string,
    platform: string | null,
    onEvent: (event: PullEvent) => void,
  ): Promise<PullOutcome> {
    return unwrap(commands.pull(operation, reference, platform, hearing(onEvent)));
  },
  async cancel(operation: string): Promise<void> {
    await unwrap(commands.cancel(operation));
  },
  interrupted: (): Promise<Interrupted[]> => unwrap(commands.interrupted()),
  async dismissInterrupted(id: string): Promise<void> {
    await unwrap(commands.dismissInterrupted(id));
  },
  completeReference: (text: string): Promise<Completion[]> => unwrap(commands.completeReference(text)),

  /** Asks for archives in a system dialog; none when it was closed. */
  chooseArchives: (): Promise<GivenFile[]> => unwrap(commands.chooseArchives()),
  /** Asks in a system dialog where an archive goes; null when it was closed. */
  chooseArchivePlace: (suggested: string): Promise<GivenFile | null> =>
    unwrap(commands.chooseArchivePlace(suggested)),
  /** Looks into a file that the user gave. Nothing is loaded. */
  planLoad: (token: string): Promise<LoadPlan> => unwrap(commands.planLoad(token)),
  load(
    operation: string,
    token: string,
    chosen: ChosenImage[],
    onEvent: (event: PullEvent) => void,
  ): Promise<LoadOutcome> {
    return unwrap(commands.load(operation, token, chosen, hearing(onEvent)));
  },
  importRoot(
    operation: string,
    form: { token: string; name: string; message: string; changes: string[] },
    onEvent: (event: PullEvent) => void,
  ): Promise<LoadOutcome> {
    const { token, name, message, changes } = form;
    return unwrap(commands.import(operation, token, name, message, changes, hearing(onEvent)));
  },
  save(
    operation: string,
    form: {
      token: string;
      images: string[];
      format: SaveFormat;
      compression: SaveCompression;
      /** Only these of an image that has several; all that are here when empty. */
      platforms: string[];
    },
    onEvent: (event: PullEvent) => void,
  ): Promise<SaveOutcome> {
    const { token, images, format, compression, platforms } = form;
    return unwrap(commands.save(operation, token, images, format, compression, platforms, hearing(onEvent)));
  },
  /** Lets the pointer, whose button is down, take images out of the window as a file that is called `name`. */
  async dragImages(images: string[], name: string): Promise<void> {
    await unwrap(commands.dragImages(images, name));
  },

  planTag: (source: string, name: string): Promise<TagPlan> => unwrap(commands.planTag(source, name)),
  tag: (source: string, name: string): Promise<TagMove> => unwrap(commands.tag(source, name)),

  planRemoval: (selections: Selection[], force: boolean): Promise<Plan> =>
    unwrap(commands.planRemoval(selections, force)),
  planPrune: (all: boolean): Promise<Plan> => unwrap(commands.planPrune(all)),
  /** Does exactly what the plan said, or throws `plan_stale` and does nothing. */
  executePlan: (planId: string): Promise<Removed> => unwrap(commands.executePlan(planId)),

  undo: (): Promise<TagMove[]> => unwrap(commands.undo()),
  undoable: (): Promise<Undoable | null> => unwrap(commands.undoable()),
  journal: (name: string | null): Promise<JournalEntry[]> => unwrap(commands.journal(name)),

  diskUsage: (): Promise<DiskUsage> => unwrap(commands.diskUsage()),
  /** Compares rows, files and sizes, and with `readData` every byte. `cancel` with the same operation stops it. */
  checkStore: (operation: string, readData: boolean): Promise<CheckReport> =>
    unwrap(commands.checkStore(operation, readData)),

  settings: (): Promise<Settings> => unwrap(commands.settings()),
  /** Saves and gives back what is in force now. */
  saveSettings: (settings: Settings): Promise<Settings> => unwrap(commands.saveSettings(settings)),
  /** Asks for a folder in a system dialog; null when it was closed. */
  chooseStorePlace: (): Promise<string | null> => unwrap(commands.chooseStorePlace()),
  /** Asks for certificate files in a system dialog; none when it was closed. */
  chooseCaFiles: (): Promise<string[]> => unwrap(commands.chooseCaFiles()),
  storeStatus: (): Promise<StoreStatus> => unwrap(commands.storeStatus()),

  /** Tells the shell that the first real frame is on screen. */
  async ready(): Promise<void> {
    await unwrap(commands.ready());
  },

  /** Calls back after anything in the store changed, from this window, another one or the command line. */
  onStoreChanged: (listener: (generation: number) => void): Promise<Unlisten> =>
    events.storeChanged.listen((event) => {
      listener(event.payload.generation);
    }),
  /** Calls back when files are held over the window, with how many; 0 when they have left. */
  onFilesHover: (listener: (count: number) => void): Promise<Unlisten> =>
    events.filesHover.listen((event) => {
      listener(event.payload.count);
    }),
  /** Calls back when files were dropped on the window. */
  onFilesDropped: (listener: (files: GivenFile[]) => void): Promise<Unlisten> =>
    events.filesDropped.listen((event) => {
      listener(event.payload.files);
    }),
  /** Calls back when images were dropped on another program, which waits until `save` has written the file. */
  onImagesDropped: (listener: (dropped: ImagesDropped) => void): Promise<Unlisten> =>
    events.imagesDropped.listen((event) => {
      listener(event.payload);
    }),
  /** Calls back when a clicked notification asks for an image. */
  onFocusImage: (listener: (target: string) => void): Promise<Unlisten> =>
    events.focusImage.listen((event) => {
      listener(event.payload.target);
    }),
};
