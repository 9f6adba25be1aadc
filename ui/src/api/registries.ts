/** Registries: pulling, pushing, looking, and signing in. */
import {
  commands,
  type Completion,
  type ImageDocument,
  type Interrupted,
  type KnownLogin,
  type KnownRegistry,
  type PullEvent,
  type PullOutcome,
  type PullPlan,
  type PushDestination,
  type PushOutcome,
  type PushPlan,
  type Referrer,
  type RemoteImage,
  type RemoteTag,
  type SearchResult,
  type SignedIn,
  type Update,
} from "./bindings";
import { hearing, unwrap } from "./call";

export const registries = {
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

  planPush: (source: string, destination: string, platform: string | null): Promise<PushPlan> =>
    unwrap(commands.planPush(source, destination, platform)),
  /** How a destination, as far as it is typed, is written at each of the registries that is not its own. */
  pushElsewhere: (destination: string, hosts: string[]): Promise<PushDestination[]> =>
    unwrap(commands.pushElsewhere(destination, hosts)),
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
    return unwrap(commands.listTags(operation, repository, hearing(onTags)));
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
    return unwrap(commands.listRepositories(operation, host, hearing(onNames)));
  },
};
