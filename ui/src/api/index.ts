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
  type Comparison,
  type Completion,
  type CheckReport,
  type CommitForm,
  type PlaceCommitForm,
  type CommitOutcome,
  type ContainerChange,
  type ContainerRow,
  type ContainerSettings,
  type DifferenceQuery,
  type DifferencesPage,
  type CopyEnd,
  type CopyOutcome,
  type DiskUsage,
  type FileDropped,
  type FileOf,
  type FileContent,
  type FileEdit,
  type FileFacts,
  type FilesAdded,
  type FilesFound,
  type FilesOf,
  type FilesSaved,
  type FileView,
  type GivenFile,
  type ImageAddress,
  type ImageDetail,
  type ImageDocument,
  type ImagePage,
  type ImageQuery,
  type ImagesDropped,
  type Interrupted,
  type JournalEntry,
  type KnownLogin,
  type KnownRegistry,
  type Lineage,
  type LoadOutcome,
  type LoadPlan,
  type MapNode,
  type OutlinePage,
  type OutlineQuery,
  type Place,
  type PlaceChange,
  type PlaceContainer,
  type PlaceImage,
  type PlacePlan,
  type PlaceState,
  type Plan,
  type ProgramEnd,
  type PullEvent,
  type PullOutcome,
  type PullPlan,
  type PushOutcome,
  type PushPlan,
  type Referrer,
  type RemoteImage,
  type RemoteTag,
  type Removed,
  type RunCheck,
  type RunForm,
  type RunProbe,
  type SaveCompression,
  type SaveFormat,
  type SaveOutcome,
  type SearchResult,
  type Selection,
  type Settings,
  type Sharing,
  type Software,
  type SignedIn,
  type StoreStatus,
  type TagMove,
  type TagPlan,
  type TerminalRow,
  type TerminalSize,
  type TextDifference,
  type Undoable,
  type Waste,
  type Update,
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

function hearingBytes(onOutput: (bytes: Uint8Array) => void): Channel<ArrayBuffer> {
  const channel = new Channel<ArrayBuffer>();
  channel.onmessage = (bytes) => {
    onOutput(new Uint8Array(bytes));
  };
  return channel;
}

export const api = {
  images: (query: ImageQuery): Promise<ImagePage> => unwrap(commands.images(query)),
  image: (target: string): Promise<ImageDetail> => unwrap(commands.image(target)),
  imageDocuments: (target: string): Promise<ImageDocument[]> => unwrap(commands.imageDocuments(target)),
  /** Which images that are here an image was made of, and which were made of it. */
  imageLineage: (target: string): Promise<Lineage> => unwrap(commands.imageLineage(target)),
  /** The packages that the package managers of an image know. */
  imageSoftware: (target: string): Promise<Software> => unwrap(commands.imageSoftware(target)),

  /** Compares two images of any place. Nothing is stored; `cancel` with the same operation stops it. */
  compare: (
    operation: string,
    a: ImageAddress,
    b: ImageAddress,
    onEvent: (event: PullEvent) => void,
  ): Promise<Comparison> => unwrap(commands.compare(operation, a, b, hearing(onEvent))),
  comparedFiles: (comparison: string, query: DifferenceQuery): Promise<DifferencesPage> =>
    unwrap(commands.comparedFiles(comparison, query)),
  /** The text of one of the files that differ, line by line. */
  compareText: (comparison: string, file: number): Promise<TextDifference> =>
    unwrap(commands.compareText(comparison, file)),

  /** Draws lines of an image's tree; with a path to reveal, those around it. */
  fileOutline: (
    target: FilesOf,
    query: OutlineQuery,
    reveal: string | null,
    offset: number,
    limit: number,
  ): Promise<OutlinePage> => unwrap(commands.fileOutline(target, query, reveal, offset, limit)),
  /** The next line from `start` on whose name begins so. */
  findInOutline: (
    target: FilesOf,
    query: OutlineQuery,
    beginning: string,
    start: number,
  ): Promise<number | null> => unwrap(commands.findInOutline(target, query, beginning, start)),
  searchFiles: (target: FilesOf, pattern: string, offset: number, limit: number): Promise<FilesFound> =>
    unwrap(commands.searchFiles(target, pattern, offset, limit)),
  fileFacts: (target: FilesOf, view: FileView, path: string): Promise<FileFacts> =>
    unwrap(commands.fileFacts(target, view, path)),
  /** The start of a file; how much of it depends on what it is. */
  fileContent: (target: FilesOf, view: FileView, path: string): Promise<FileContent> =>
    unwrap(commands.fileContent(target, view, path)),
  fileTreemap: (target: string, view: FileView, folder: string): Promise<MapNode[]> =>
    unwrap(commands.fileTreemap(target, view, folder)),
  waste: (target: string): Promise<Waste> => unwrap(commands.waste(target)),
  /** Asks in a system dialog where a file, or the folder into which a folder, goes; null when it was closed. */
  chooseFilePlace: (suggested: string, folder: boolean): Promise<GivenFile | null> =>
    unwrap(commands.chooseFilePlace(suggested, folder)),
  saveFile(
    operation: string,
    form: { token: string; target: FilesOf; view: FileView; path: string },
    onEvent: (event: PullEvent) => void,
  ): Promise<FilesSaved> {
    const { token, target, view, path } = form;
    return unwrap(commands.saveFile(operation, token, target, view, path, hearing(onEvent)));
  },
  /** Lets the pointer, whose button is down, take a file or a folder out of the window. */
  async dragFile(source: FileOf): Promise<void> {
    await unwrap(commands.dragFile(source));
  },

  containers: (): Promise<ContainerRow[]> => unwrap(commands.containers()),
  container: (id: string): Promise<ContainerRow> => unwrap(commands.container(id)),
  /** Makes a container; with an empty name one is made up. */
  createContainer: (image: string, name: string): Promise<ContainerRow> =>
    unwrap(commands.createContainer(image, name)),
  /** Removes a container with its changes, for good. */
  removeContainer: (id: string): Promise<number> => unwrap(commands.removeContainer(id)),
  containerSettings: (id: string): Promise<ContainerSettings> => unwrap(commands.containerSettings(id)),
  async setContainerSettings(id: string, settings: ContainerSettings): Promise<void> {
    await unwrap(commands.setContainerSettings(id, settings));
  },
  containerChanges: (id: string): Promise<ContainerChange[]> => unwrap(commands.containerChanges(id)),
  /** Does all of the edits, or none. */
  async editContainer(id: string, edits: FileEdit[]): Promise<void> {
    await unwrap(commands.editContainer(id, edits));
  },
  /** The whole text of a file; refused for what is no text or too long. */
  containerText: (id: string, path: string): Promise<string> => unwrap(commands.containerText(id, path)),
  /** Asks for files, or folders, in a system dialog; none when it was closed. */
  chooseFilesToAdd: (folders: boolean): Promise<GivenFile[]> => unwrap(commands.chooseFilesToAdd(folders)),
  addFiles(
    operation: string,
    form: { container: string; folder: string; tokens: string[] },
    onEvent: (event: PullEvent) => void,
  ): Promise<FilesAdded> {
    const { container, folder, tokens } = form;
    return unwrap(commands.addFiles(operation, container, folder, tokens, hearing(onEvent)));
  },
  /** Finds out whether containers can run here, and what would make more possible. */
  probeRunning: (): Promise<RunProbe> => unwrap(commands.probeRunning()),
  runForm: (container: string): Promise<RunForm> => unwrap(commands.runForm(container)),
  /** A form that nobody has filled in yet. */
  usualRunForm: (): Promise<RunForm> => unwrap(commands.usualRunForm()),
  /** What is wrong with a form, and the same for docker. */
  checkRunForm: (form: RunForm, image: string, name: string): Promise<RunCheck> =>
    unwrap(commands.checkRunForm(form, image, name)),
  async setRunForm(container: string, form: RunForm): Promise<void> {
    await unwrap(commands.setRunForm(container, form));
  },
  /** Starts a container that ends with the window. `onUnpacked` hears how many bytes of its image are unpacked. */
  startInTerminal(
    operation: string,
    container: string,
    size: TerminalSize,
    onUnpacked: (bytes: number) => void,
  ): Promise<TerminalRow> {
    const channel = new Channel<number>();
    channel.onmessage = onUnpacked;
    return unwrap(commands.startInTerminal(operation, container, size, channel));
  },
  /** Starts a container that lives on when the window is closed. */
  async startInBackground(
    operation: string,
    container: string,
    onUnpacked: (bytes: number) => void,
  ): Promise<void> {
    const channel = new Channel<number>();
    channel.onmessage = onUnpacked;
    await unwrap(commands.startInBackground(operation, container, channel));
  },
  /** Runs one more command in a container that runs. */
  execInContainer: (container: string, command: string, size: TerminalSize): Promise<TerminalRow> =>
    unwrap(commands.execInContainer(container, command, size)),
  /** The programs that this window started in a container. */
  terminals: (container: string): Promise<TerminalRow[]> => unwrap(commands.terminals(container)),
  /**
   * Shows what a program wrote and writes, until it ends; null when another view took its place or `closeView` was called.
   * Whoever looks says by `viewDrawn` how many bytes are drawn, and gets no more than a little ahead of that.
   */
  viewTerminal: (
    terminal: string,
    view: string,
    onOutput: (bytes: Uint8Array) => void,
  ): Promise<ProgramEnd | null> => unwrap(commands.viewTerminal(terminal, view, hearingBytes(onOutput))),
  /** Shows what a container wrote and writes, until it ends; as `viewTerminal`. */
  async viewLog(container: string, view: string, onOutput: (bytes: Uint8Array) => void): Promise<void> {
    await unwrap(commands.viewLog(container, view, hearingBytes(onOutput)));
  },
  async viewDrawn(view: string, bytes: number): Promise<void> {
    await unwrap(commands.viewDrawn(view, bytes));
  },
  async closeView(view: string): Promise<void> {
    await unwrap(commands.closeView(view));
  },
  async terminalInput(terminal: string, text: string): Promise<void> {
    await unwrap(commands.terminalInput(terminal, text));
  },
  async terminalResize(terminal: string, size: TerminalSize): Promise<void> {
    await unwrap(commands.terminalResize(terminal, size));
  },
  /** Kills a program that this window started, or forgets it where it has ended. */
  async closeTerminal(terminal: string): Promise<void> {
    await unwrap(commands.closeTerminal(terminal));
  },
  /** Asks a container to stop, and resolves when it has ended. */
  async stopContainer(container: string): Promise<void> {
    await unwrap(commands.stopContainer(container));
  },
  /** Sends a signal to a container's first program, by its name. */
  async signalContainer(container: string, signal: string): Promise<void> {
    await unwrap(commands.signalContainer(container, signal));
  },
  commit(operation: string, form: CommitForm, onEvent: (event: PullEvent) => void): Promise<CommitOutcome> {
    return unwrap(commands.commit(operation, form, hearing(onEvent)));
  },

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
  planLoad: (operation: string, token: string): Promise<LoadPlan> =>
    unwrap(commands.planLoad(operation, token)),
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

  planPush: (source: string, destination: string, platform: string | null): Promise<PushPlan> =>
    unwrap(commands.planPush(source, destination, platform)),
  push(
    operation: string,
    form: { source: string; destination: string; platform: string | null },
    onEvent: (event: PullEvent) => void,
  ): Promise<PushOutcome> {
    const { source, destination, platform } = form;
    return unwrap(commands.push(operation, source, destination, platform, hearing(onEvent)));
  },

  /** Searches Docker Hub, or the registry that is named; without words a registry's own list. */
  search(
    registry: string,
    words: string,
    filter: { leastStars: number | null; official: boolean },
  ): Promise<SearchResult[]> {
    return unwrap(commands.search(registry, words, filter.leastStars, filter.official));
  },
  /** Tells tags page by page and resolves to all of them, the likeliest first. `cancel` with the same operation stops it. */
  listTags(operation: string, repository: string, onTags: (tags: string[]) => void): Promise<string[]> {
    const channel = new Channel<string[]>();
    channel.onmessage = onTags;
    return unwrap(commands.listTags(operation, repository, channel));
  },
  tagDetails: (repository: string, tags: string[]): Promise<RemoteTag[]> =>
    unwrap(commands.tagDetails(repository, tags)),
  /** Looks at an image of a registry; nothing of it is stored. `cancel` with the same operation stops it. */
  lookAtRemote: (operation: string, reference: string, platform: string | null): Promise<RemoteImage> =>
    unwrap(commands.lookAtRemote(operation, reference, platform)),
  remoteDocuments: (image: string): Promise<ImageDocument[]> => unwrap(commands.remoteDocuments(image)),
  /** Signatures, SBOMs, attestations. Nothing of it is verified. */
  remoteReferrers: (image: string): Promise<Referrer[]> => unwrap(commands.remoteReferrers(image)),
  /** Reads one layer, so that its files can be listed; with `content` they can be read, too. Nothing of it is stored. */
  async readRemoteLayer(
    operation: string,
    form: { image: string; layer: number; content: boolean },
    onEvent: (event: PullEvent) => void,
  ): Promise<void> {
    const { image, layer, content } = form;
    await unwrap(commands.readRemoteLayer(operation, image, layer, content, hearing(onEvent)));
  },
  checkUpdates: (names: string[]): Promise<Update[]> => unwrap(commands.checkUpdates(names)),

  /** Tries a login at once and keeps it where it is accepted. */
  signIn(form: { host: string; username: string; secret: string; plainText: boolean }): Promise<SignedIn> {
    const { host, username, secret, plainText } = form;
    return unwrap(commands.signIn(host, username, secret, plainText));
  },
  /** Forgets the login of a registry, and tells which places had one. */
  signOut: (host: string): Promise<string[]> => unwrap(commands.signOut(host)),
  logins: (): Promise<KnownLogin[]> => unwrap(commands.logins()),

  /** The registries that somebody signed in to or added. Nothing is connected to. */
  registries: (): Promise<KnownRegistry[]> => unwrap(commands.registries()),
  registryLogin: (host: string): Promise<KnownLogin | null> => unwrap(commands.registryLogin(host)),
  /** Remembers a registry, and resolves to its host as references write it. */
  addRegistry: (host: string): Promise<string> => unwrap(commands.addRegistry(host)),
  async forgetRegistry(host: string): Promise<void> {
    await unwrap(commands.forgetRegistry(host));
  },
  /** Tells repositories page by page and resolves to all of them. `cancel` with the same operation stops it. */
  listRepositories(operation: string, host: string, onNames: (names: string[]) => void): Promise<string[]> {
    const channel = new Channel<string[]>();
    channel.onmessage = onNames;
    return unwrap(commands.listRepositories(operation, host, channel));
  },

  places: (): Promise<Place[]> => unwrap(commands.places()),
  /** Connects and asks who it is, or throws why it cannot be used. */
  placeState: (place: string): Promise<PlaceState> => unwrap(commands.placeState(place)),
  placeImages: (place: string, query: ImageQuery): Promise<ImagePage> =>
    unwrap(commands.placeImages(place, query)),
  placeImage: (place: string, image: string): Promise<PlaceImage> =>
    unwrap(commands.placeImage(place, image)),
  planPlaceTag: (place: string, source: string, name: string): Promise<TagPlan> =>
    unwrap(commands.planPlaceTag(place, source, name)),
  placeTag: (place: string, source: string, name: string): Promise<TagMove> =>
    unwrap(commands.placeTag(place, source, name)),
  planPlaceRemoval: (place: string, selections: Selection[], force: boolean): Promise<PlacePlan> =>
    unwrap(commands.planPlaceRemoval(place, selections, force)),
  planPlacePrune: (place: string, all: boolean): Promise<PlacePlan> =>
    unwrap(commands.planPlacePrune(place, all)),
  executePlacePlan: (planId: string): Promise<Removed> => unwrap(commands.executePlacePlan(planId)),
  placeContainers: (place: string): Promise<PlaceContainer[]> => unwrap(commands.placeContainers(place)),
  placeContainerChanges: (place: string, container: string): Promise<PlaceChange[]> =>
    unwrap(commands.placeContainerChanges(place, container)),
  /** Makes an image of a container of an engine, in that engine; resolves to its ID. */
  commitPlaceContainer: (place: string, container: string, form: PlaceCommitForm): Promise<string> =>
    unwrap(commands.commitPlaceContainer(place, container, form)),
  copy(
    operation: string,
    form: { from: CopyEnd; to: CopyEnd; keepNames: boolean },
    onEvent: (event: PullEvent) => void,
  ): Promise<CopyOutcome> {
    return unwrap(commands.copy(operation, form.from, form.to, form.keepNames, hearing(onEvent)));
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
  /** Which images take the room, and which layers they share. */
  diskSharing: (): Promise<Sharing> => unwrap(commands.diskSharing()),
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
  /** Calls back when a file or folder was dropped on another program, which waits until `saveFile` has written it. */
  onFileDropped: (listener: (dropped: FileDropped) => void): Promise<Unlisten> =>
    events.fileDropped.listen((event) => {
      listener(event.payload);
    }),
  /** Calls back when a clicked notification asks for an image. */
  onFocusImage: (listener: (target: string) => void): Promise<Unlisten> =>
    events.focusImage.listen((event) => {
      listener(event.payload.target);
    }),
};
