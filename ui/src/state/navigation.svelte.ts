/** The screens of the window. */
export type Screen =
  "images" | "containers" | "place" | "registry" | "search" | "activity" | "disk" | "settings";

/** The tabs of one image. */
export type ImageTab =
  "overview" | "layers" | "files" | "waste" | "history" | "software" | "compare" | "json";

/** The tabs of one image of a registry. */
export type RemoteTab = "overview" | "layers" | "history" | "referrers" | "compare" | "json";

/** The tabs of one container. */
export type ContainerTab = "files" | "changes" | "terminal" | "logs" | "settings";

/** A file of the image that is open. */
export interface FilePlace {
  path: string;
  /** As this layer left it; null for what a container sees. */
  layer: number | null;
}

/** An image to compare with. */
export interface ComparedWith {
  /** Where the name is looked up. */
  kind: "here" | "registry";
  name: string;
}

/** Where in the window somebody is. */
class Navigation {
  screen = $state<Screen>("images");
  /** The image that is open, by its target. */
  image = $state<string | null>(null);
  /** The engine whose images are shown, by its ID. */
  place = $state<string | null>(null);
  /** The image of that engine that is open, by its ID. */
  placeImage = $state<string | null>(null);
  placeTab = $state<"images" | "containers">("images");
  /** The registry that is shown, by its host. */
  registry = $state<string | null>(null);
  /** The repository whose tags are shown; null = the search. */
  repository = $state<string | null>(null);
  /** The registry in whose list it was chosen; null = it was searched for. */
  repositoryOf = $state<string | null>(null);
  /** The image of that repository that is open, as it is pulled. */
  remote = $state<string | null>(null);
  remoteTab = $state<RemoteTab>("overview");
  tab = $state<ImageTab>("overview");
  /** The container that is open, by its ID. */
  container = $state<string | null>(null);
  containerTab = $state<ContainerTab>("files");
  /** The layer that the Layers tab should bring into sight. */
  layer = $state<string | null>(null);
  /** The file that the explorer should open the way to. */
  file = $state.raw<FilePlace | null>(null);
  /** The image that the Compare tab should compare with at once. */
  compareWith = $state.raw<ComparedWith | null>(null);
  /** Counts the wishes to compare. */
  compareWish = $state(0);
  /** Whether somebody asked for the filter box and it has not come yet. */
  filterWanted = $state(false);

  /** Shows a screen; what was open on it stays open. */
  go(screen: Screen): void {
    this.screen = screen;
  }

  /** Shows a screen; asked for the one that is shown already, goes back to its list. */
  visit(screen: Screen): void {
    // What was chosen in a registry's list is that registry's: the search is another place.
    if (screen === "search" && this.repositoryOf !== null)
      this.repository = this.repositoryOf = this.remote = null;
    if (this.screen !== screen) this.go(screen);
    else if (screen === "images") this.closeImage();
    else if (screen === "containers") this.closeContainer();
    else if (screen === "search") this.repository = null;
  }

  /** Shows an engine; asked for the one that is shown already, goes back to its list. */
  visitPlace(place: string): void {
    if (this.screen === "place" && this.place === place) this.placeImage = null;
    this.openPlace(place);
  }

  /** Shows an engine's images. */
  openPlace(place: string): void {
    if (this.place !== place) {
      this.placeImage = null;
      this.placeTab = "images";
    }
    this.place = place;
    this.screen = "place";
  }

  /** Shows a registry. */
  openRegistry(host: string): void {
    this.registry = host;
    this.screen = "registry";
  }

  /** Shows the tags of a repository that was searched for, or chosen in the list of a registry. */
  openRepository(repository: string, registry: string | null = null): void {
    this.repository = repository;
    this.repositoryOf = registry;
    this.remote = null;
    this.screen = "search";
  }

  /** Opens an image of a registry. */
  openRemote(reference: string): void {
    if (this.remote !== reference) this.remoteTab = "overview";
    this.remote = reference;
  }

  /** Goes back by a step: to the tags, to where the repository was found. */
  closeRemote(): void {
    if (this.remote !== null) {
      this.remote = null;
      return;
    }
    this.repository = null;
    if (this.repositoryOf !== null) this.openRegistry(this.repositoryOf);
    this.repositoryOf = null;
  }

  /** Opens an image, at one of its layers when `layer` names one. */
  openImage(target: string, layer: string | null = null): void {
    this.screen = "images";
    this.image = target;
    this.layer = layer;
    if (layer !== null) this.tab = "layers";
  }

  /** Opens an image at one of its files: as a layer left it, or as a container sees it. */
  openFile(target: string, path: string, layer: number | null = null): void {
    this.openImage(target);
    this.tab = layer === null ? "files" : "layers";
    this.file = { path, layer };
  }

  /** Opens an image at the comparison with another, or where that can be chosen. */
  compare(target: string, other: string | null = null, kind: ComparedWith["kind"] = "here"): void {
    this.openImage(target);
    this.tab = "compare";
    this.compareWith = other === null ? null : { kind, name: other };
    this.compareWish += 1;
  }

  /** Goes back to the list. The next image opens beside it, whatever tab this one was left at. */
  closeImage(): void {
    this.image = null;
    this.tab = "overview";
    this.layer = null;
    this.file = null;
  }

  /** Opens a container. */
  openContainer(id: string, tab: ContainerTab = "files"): void {
    this.screen = "containers";
    this.container = id;
    this.containerTab = tab;
  }

  /** Goes back to the list of containers. */
  closeContainer(): void {
    this.container = null;
  }

  /** Puts the caret into the filter box of the images that are shown, which are this computer's outside an engine. */
  focusFilter(): void {
    if (this.screen === "place") this.placeTab = "images";
    else this.screen = "images";
    this.filterWanted = true;
  }
}

export const navigation = new Navigation();
