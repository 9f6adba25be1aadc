import type { ApiError, ContainerRow, GivenFile, ListedFile, Selection } from "../api";

/** What the tag editor needs to know about the image it was opened for. */
export interface TaggedImage {
  /** Digest of the image, as in `ImageRow.target`. */
  target: string;
  /** The engine that has it; left out for this computer. */
  place?: string;
  /** Image ID (digest of the config), shown shortened. */
  id: string;
  /** Every name that points to the image now, in full. */
  names: string[];
}

/** What the save dialog needs to know about an image. */
export interface SavedImage {
  target: string;
  /** The names that it is saved with. */
  names: string[];
}

/** What somebody needs to know about the image of a container to be. */
export interface ContainedImage {
  /** Its name in full, by which the container remembers it; its target where it has none. */
  reference: string;
  /** What it is called, or its short ID. */
  name: string;
}

/** What is about to be started: a container that is there, or one that is made of an image first. */
export type RunTarget = { container: ContainerRow } | { image: ContainedImage };

/** A name that is asked for. */
export interface NameRequest {
  title: string;
  subtitle?: string;
  label: string;
  hint?: string;
  /** What the field has in it at first. */
  value: string;
  /** What the button says. */
  action: string;
  /** Does it, and returns why it was refused, if it was. */
  submit: (name: string) => Promise<ApiError | null>;
}

/** Permissions and owner that are asked for. */
export interface AttributesRequest {
  file: ListedFile;
  submit: (next: { mode: number | null; uid: number; gid: number }) => Promise<ApiError | null>;
}

/** Something without a way back, which is asked about before it happens. */
export interface ConfirmRequest {
  title: string;
  /** Exactly what will happen. */
  lines: string[];
  /** Why it cannot happen, and what would unblock it. */
  blocked?: string | null;
  /** What the button says. */
  action: string;
  /** Whether something goes for good. */
  tone?: "danger" | "primary";
  run: () => Promise<void>;
}

/** What the push dialog needs to know about an image. */
export interface PushedImage {
  target: string;
  /** The names that it may be pushed as, as people write them. */
  names: string[];
  /** What already stands in the field; else the first name. */
  destination?: string;
}

/** An image on its way from one place to another. */
export interface CopiedImage {
  /** The engine that has it; null = this computer. */
  from: string | null;
  /** Its ID or target there. */
  image: string;
  /** Its image ID, by which an engine knows it. */
  id: string;
  names: string[];
  /** Where it goes, where that is known: null = this computer. */
  to?: string | null;
}

/** A container of an engine that is about to become an image. */
export interface CommittedContainer {
  place: string;
  id: string;
  name: string;
  image: string;
}

/** What a plan sheet is asked to show before anything happens. */
export type PlanRequest =
  { kind: "removal"; selections: Selection[]; place?: string } | { kind: "prune"; place?: string };

/** The dialog on screen; at most one is open at a time. */
export type OpenDialog =
  | { kind: "pull"; reference: string; platform?: string }
  | { kind: "push"; image: PushedImage }
  | { kind: "sign in"; host: string; then: OpenDialog | null }
  | { kind: "copy"; image: CopiedImage }
  | { kind: "place commit"; container: CommittedContainer }
  | { kind: "tag"; image: TaggedImage }
  | { kind: "plan"; request: PlanRequest }
  | { kind: "load"; files: GivenFile[] }
  | { kind: "save"; images: SavedImage[] }
  | { kind: "create"; image: ContainedImage }
  | { kind: "commit"; container: ContainerRow }
  | { kind: "run"; target: RunTarget }
  | { kind: "name"; request: NameRequest }
  | { kind: "attributes"; request: AttributesRequest }
  | { kind: "confirm"; request: ConfirmRequest }
  | { kind: "palette" };

/**
 * Holds which dialog is open, so that a menu, a shortcut and the command palette open the same one.
 *
 * `DialogHost` draws `current`; nothing else reads it. Opening a dialog replaces the one that was open: two sheets never
 * lie on each other. Closing a dialog never touches an operation that was started from it.
 */
class Dialogs {
  current = $state.raw<OpenDialog | null>(null);

  /** Opens the pull dialog, with `reference` already typed and a platform already chosen. */
  openPull(reference = "", platform: string | null = null): void {
    this.current = platform === null ? { kind: "pull", reference } : { kind: "pull", reference, platform };
  }

  /** Opens the push dialog of one image. */
  openPush(image: PushedImage): void {
    this.current = { kind: "push", image };
  }

  /** Opens the sign-in dialog; once it is over, `then` is opened again. */
  openSignIn(host = "", then: OpenDialog | null = null): void {
    this.current = { kind: "sign in", host, then };
  }

  /** Opens the dialog that copies an image to another place. */
  openCopy(image: CopiedImage): void {
    this.current = { kind: "copy", image };
  }

  /** Opens the dialog that makes an image of an engine's container. */
  openPlaceCommit(container: CommittedContainer): void {
    this.current = { kind: "place commit", container };
  }

  /** Opens the tag editor of one image. */
  openTag(image: TaggedImage): void {
    this.current = { kind: "tag", image };
  }

  /** Opens the plan sheet that removes these names or images. An empty list opens nothing. */
  openRemoval(selections: Selection[], place?: string): void {
    if (selections.length === 0) return;
    const request: PlanRequest = { kind: "removal", selections };
    this.current = { kind: "plan", request: place === undefined ? request : { ...request, place } };
  }

  /** Opens the plan sheet that removes what nothing uses, here or in an engine. */
  openPrune(place?: string): void {
    const request: PlanRequest = place === undefined ? { kind: "prune" } : { kind: "prune", place };
    this.current = { kind: "plan", request };
  }

  /** Opens the sheet that shows what is in files. */
  openLoad(files: GivenFile[]): void {
    this.current = { kind: "load", files };
  }

  /** Opens the dialog that saves images into a file. */
  openSave(images: SavedImage[]): void {
    if (images.length > 0) this.current = { kind: "save", images };
  }

  /** Opens the dialog that makes a container of an image. */
  openCreate(image: ContainedImage): void {
    this.current = { kind: "create", image };
  }

  /** Opens the dialog that makes an image of a container. */
  openCommit(container: ContainerRow): void {
    this.current = { kind: "commit", container };
  }

  /** Opens the form that says how a container is started. */
  openRun(target: RunTarget): void {
    this.current = { kind: "run", target };
  }

  /** Asks for a name. */
  openName(request: NameRequest): void {
    this.current = { kind: "name", request };
  }

  /** Asks for permissions and owner. */
  openAttributes(request: AttributesRequest): void {
    this.current = { kind: "attributes", request };
  }

  /** Asks whether something without a way back is wanted. */
  openConfirm(request: ConfirmRequest): void {
    this.current = { kind: "confirm", request };
  }

  /** Opens the command palette, or closes it when it is open. Another dialog stays, with what was typed into it. */
  togglePalette(): void {
    if (this.current === null) this.current = { kind: "palette" };
    else if (this.current.kind === "palette") this.current = null;
  }

  /** Closes whatever is open. */
  close(): void {
    this.current = null;
  }
}

export const dialogs = new Dialogs();
