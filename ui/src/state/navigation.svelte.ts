/** The screens of the window. */
export type Screen = "images" | "place" | "search" | "activity" | "disk" | "settings";

/** The tabs of one image. */
export type ImageTab = "overview" | "layers" | "history" | "json";

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
  /** The repository whose tags are shown; null = the search. */
  repository = $state<string | null>(null);
  tab = $state<ImageTab>("overview");
  /** The layer that the Layers tab should bring into sight. */
  layer = $state<string | null>(null);
  /** Whether somebody asked for the filter box and it has not come yet. */
  filterWanted = $state(false);

  /** Shows a screen; what was open on it stays open. */
  go(screen: Screen): void {
    this.screen = screen;
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

  /** Shows the tags of a repository. */
  openRepository(repository: string): void {
    this.repository = repository;
    this.screen = "search";
  }

  /** Opens an image, at one of its layers when `layer` names one. */
  openImage(target: string, layer: string | null = null): void {
    this.screen = "images";
    this.image = target;
    this.layer = layer;
    if (layer !== null) this.tab = "layers";
  }

  /** Goes back to the list. */
  closeImage(): void {
    this.image = null;
    this.layer = null;
  }

  /** Puts the caret into the filter box. */
  focusFilter(): void {
    this.screen = "images";
    this.filterWanted = true;
  }
}

export const navigation = new Navigation();
