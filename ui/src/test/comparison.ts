import type { Comparison, DifferencesPage, FileDifference, Software } from "../api";

export function comparison(changes: Partial<Comparison> = {}): Comparison {
  const layer = (diffId: string, size: number, shared: boolean): Comparison["a"]["layers"][number] => ({
    stripe: { diffId, size },
    shared,
    createdBy: "RUN something",
  });
  return {
    id: "comparison-1",
    a: {
      id: "sha256:aaaa",
      platform: "linux/amd64",
      layers: [layer("sha256:01", 40e6, true), layer("sha256:02", 5e6, false)],
    },
    b: { id: "sha256:bbbb", platform: "linux/amd64", layers: [layer("sha256:01", 40e6, true)] },
    config: [{ key: "Env.PATH", a: "/bin", b: "/usr/bin" }],
    packages: [
      { name: "bash", change: "changed", versionA: "5.1", versionB: "5.2" },
      { name: "zlib1g", change: "added", versionA: null, versionB: "1.3" },
    ],
    unreadable: [],
    files: 2,
    ...changes,
  };
}

export function fileDifference(path: string, changes: Partial<FileDifference> = {}): FileDifference {
  return { file: 0, path, change: "changed", sizeA: 10, sizeB: 12, ...changes };
}

export function filesPage(rows: FileDifference[], changes: Partial<DifferencesPage> = {}): DifferencesPage {
  const count = (kind: string): number => rows.filter((row) => row.change === kind).length;
  return {
    rows,
    total: rows.length,
    added: count("added"),
    changed: count("changed"),
    removed: count("removed"),
    ...changes,
  };
}

export function software(changes: Partial<Software> = {}): Software {
  return {
    packages: [
      { name: "apt", version: "2.6.1", architecture: "amd64", manager: "dpkg" },
      { name: "bash", version: "5.2-2", architecture: "amd64", manager: "dpkg" },
    ],
    databases: [{ path: "/var/lib/dpkg/status", manager: "dpkg" }],
    unreadable: [],
    lookedFor: ["/var/lib/dpkg/status", "/lib/apk/db/installed", "/var/lib/rpm/rpmdb.sqlite"],
    ...changes,
  };
}
