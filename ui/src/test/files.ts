import type { ImageDetail, ListedFile, MapNode, OutlineQuery, OutlineRow, Waste } from "../api";
import { imageRow } from "./engine";

export function listedFile(path: string, changes: Partial<ListedFile> = {}): ListedFile {
  return {
    path,
    name: path.split("/").at(-1) ?? path,
    place: `/${path}`,
    folder: path.slice(0, Math.max(0, path.lastIndexOf("/"))),
    kind: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 11,
    files: 1,
    modified: "2026-01-02T03:04:05Z",
    link: null,
    layer: 1,
    change: null,
    hiddenBy: null,
    hasChildren: false,
    ...changes,
  };
}

export function outlineRow(path: string, changes: Partial<ListedFile> = {}): OutlineRow {
  return {
    file: listedFile(path, changes),
    depth: path.split("/").length - 1,
    parent: null,
    position: 1,
    siblings: 1,
    open: false,
    addedBelow: 0,
    changedBelow: 0,
    removedBelow: 0,
  };
}

/** Draws a tree of these paths as the engine does; a path that ends in a slash is a folder. */
export function fakeOutline(paths: string[]): (args: Record<string, unknown>) => Record<string, unknown> {
  return (args) => {
    const query = args["query"] as OutlineQuery;
    const reveal = args["reveal"] as string | null;
    const open = new Set(query.open);
    const above = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
    for (let path = above(reveal ?? ""); path !== ""; path = above(path)) open.add(path);
    const plain = paths.map((path) => path.replace(/\/$/, ""));
    const shown = plain.filter((path) => {
      for (let at = above(path); at !== ""; at = above(at)) if (!open.has(at)) return false;
      return true;
    });
    const lines = shown.map((path): OutlineRow => {
      const folder = paths.includes(`${path}/`);
      const siblings = shown.filter((other) => above(other) === above(path));
      return {
        ...outlineRow(path, { kind: folder ? "folder" : "file", hasChildren: folder }),
        parent: above(path) === "" ? null : shown.indexOf(above(path)),
        position: siblings.indexOf(path) + 1,
        siblings: siblings.length,
        open: open.has(path),
      };
    });
    const revealed = reveal === null ? null : shown.indexOf(reveal);
    const offset = args["offset"] as number;
    return {
      total: lines.length,
      offset,
      rows: lines.slice(offset, offset + (args["limit"] as number)),
      revealed,
      open: reveal === null ? null : [...open],
    };
  };
}

/** An image of three layers: two with files, the newest with what its message says. */
export function layeredDetail(): ImageDetail {
  const layer = (number: number, createdBy: string, size: number): ImageDetail["layers"][number] => ({
    digest: `sha256:${String(number).repeat(64)}`,
    diffId: `sha256:d${String(number).repeat(63)}`,
    chainId: `sha256:c${String(number).repeat(63)}`,
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    size,
    uncompressedSize: size,
    contentSize: size,
    createdBy,
    sharedWith: number === 1 ? [{ target: "sha256:other", name: "other:1" }] : [],
    sharedCount: number === 1 ? 1 : 0,
  });
  const step = (
    createdBy: string,
    place: number | null,
    comment: string | null = null,
  ): ImageDetail["history"][number] => ({
    created: null,
    createdBy,
    author: comment === null ? null : "Kate Smith",
    comment,
    size: 0,
    emptyLayer: place === null,
    diffId: null,
    layer: place,
  });
  return {
    row: imageRow("data"),
    manifestDigest: "sha256:m",
    targetDigest: "sha256:target-of-data",
    configDigest: "sha256:c",
    indexPlatforms: [],
    config: {
      entrypoint: [],
      cmd: [],
      env: [],
      ports: [],
      user: null,
      workdir: null,
      labels: [],
      volumes: [],
      stopSignal: null,
      healthcheck: null,
      shell: [],
      onbuild: [],
      author: null,
      comment: null,
      created: null,
    },
    history: [
      step("COPY app.conf /etc/", 1, "Node for the dashboard"),
      step("/bin/sh -c #(nop)  ENV APP=data", null),
      step("/bin/sh -c apt-get install", 0),
    ],
    layers: [layer(1, "/bin/sh -c apt-get install", 95e6), layer(2, "COPY app.conf /etc/", 203e6)],
    repoDigests: [],
  };
}

export function wasteOf(changes: Partial<Waste> = {}): Waste {
  return {
    efficiency: 0.913,
    wastedBytes: 118e6,
    wastedPercent: 0.12,
    paths: 2914,
    files: [
      {
        path: "var/lib/apt/lists",
        place: "/var/lib/apt/lists",
        bytes: 44e6,
        touches: [
          { layer: 1, change: "added", size: null },
          { layer: 2, change: "removed", size: null },
        ],
      },
    ],
    layers: [
      { layer: 1, bytes: 95e6, wastedBytes: 44e6 },
      { layer: 2, bytes: 203e6, wastedBytes: 0 },
    ],
    sources: [
      { layer: 1, later: 2, cause: "removed", bytes: 44e6, files: 31, folder: "/var/lib" },
      { layer: 1, later: 2, cause: "repeated", bytes: 9e6, files: 1, folder: "/usr/lib" },
    ],
    ...changes,
  };
}

export function mapNode(path: string, parent: number | null, bytes: number, folder = false): MapNode {
  return { path, name: path.split("/").at(-1) ?? path, parent, folder, bytes, files: 1, layer: 1, rest: 0 };
}
