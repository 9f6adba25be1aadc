import type { ContainerChange } from "../../api";

/** A change in the list of all: a folder that was added or removed stands for what is in it until it is unfolded. */
export interface ChangeNode {
  change: ContainerChange;
  /** How many changes of the list it is in. */
  depth: number;
  /** Every change below it. */
  below: ContainerChange[];
}

/** A change that belongs to nothing but the way to another one is no change for the reader. */
export function realChanges(changes: ContainerChange[]): ContainerChange[] {
  return changes.filter((change) => !change.onlyInside);
}

/** Puts changes, which come in the order of their paths, under the folders that were changed too. */
export function changeNodes(changes: ContainerChange[]): ChangeNode[] {
  const byPath = new Map<string, ChangeNode>();
  const nodes = realChanges(changes).map((change): ChangeNode => ({ change, depth: 0, below: [] }));
  for (const node of nodes) byPath.set(node.change.path, node);
  const folders = new Map(changes.map((change) => [change.path, change.folder]));
  for (const node of nodes) {
    // Every folder on the way is a change, if only because of what is in it; so no path needs to be taken apart.
    let folder: string | undefined = node.change.folder;
    while (folder !== undefined && folder !== "") {
      const above = byPath.get(folder);
      if (above) {
        above.below.push(node.change);
        node.depth += 1;
      }
      folder = folders.get(folder);
    }
  }
  return nodes;
}

/** The changes that are shown where only these folders are unfolded. */
export function shownNodes(nodes: ChangeNode[], unfolded: ReadonlySet<string>): ChangeNode[] {
  const hidden = new Set<string>();
  for (const { change, below } of nodes) {
    if (unfolded.has(change.path) && !hidden.has(change.path)) continue;
    for (const inside of below) hidden.add(inside.path);
  }
  return nodes.filter(({ change }) => !hidden.has(change.path));
}

/** Bytes of files that a change and those below it bring into a layer. */
export function bytesOf({ change, below }: ChangeNode): number {
  return [change, ...below].reduce((sum, each) => sum + broughtBy(each), 0);
}

/** Bytes of one change alone. What was removed takes none. */
export function broughtBy(change: ContainerChange): number {
  return change.change === "removed" || change.kind === "folder" ? 0 : change.size;
}

/** Which of the changes go into an image. */
export class Choice {
  #off: ReadonlySet<string>;

  constructor(off: ReadonlySet<string> = new Set()) {
    this.#off = off;
  }

  /** Whether a change goes in, with all that is below it, in part, or not at all. */
  of(node: ChangeNode): "all" | "some" | "none" {
    const paths = [node.change, ...node.below].map((change) => change.path);
    const off = paths.filter((path) => this.#off.has(path)).length;
    if (off === 0) return "all";
    return off === paths.length ? "none" : "some";
  }

  /** Takes a change in or out, with all that is below it. */
  with(node: ChangeNode, wanted: boolean): Choice {
    const off = new Set(this.#off);
    for (const { path } of [node.change, ...node.below]) {
      if (wanted) off.delete(path);
      else off.add(path);
    }
    return new Choice(off);
  }

  /** The paths to commit, each with all that is below it; null where that is everything. */
  only(nodes: ChangeNode[]): string[] | null {
    if (nodes.every((node) => this.of(node) === "all")) return null;
    const paths: string[] = [];
    const covered = new Set<string>();
    for (const node of nodes) {
      if (covered.has(node.change.path) || this.of(node) !== "all") continue;
      paths.push(node.change.path);
      for (const inside of node.below) covered.add(inside.path);
    }
    return paths;
  }

  /** How many changes go in, and their bytes. */
  sum(nodes: ChangeNode[]): { count: number; bytes: number } {
    const chosen = nodes.filter(({ change }) => !this.#off.has(change.path));
    return { count: chosen.length, bytes: chosen.reduce((sum, { change }) => sum + broughtBy(change), 0) };
  }
}
