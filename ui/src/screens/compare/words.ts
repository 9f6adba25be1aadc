import type { DifferenceKind } from "../../api";
import { formatSize } from "../../text/size";

/** docker's letter for a change, as `docker diff` prints it. */
export const LETTERS: Record<DifferenceKind, string> = { added: "A", changed: "C", removed: "D" };

/** What a change is called. */
export const CHANGES: Record<DifferenceKind, string> = {
  added: "added",
  changed: "changed",
  removed: "removed",
};

const SETTINGS: Record<string, string> = {
  Cmd: "Command",
  ExposedPorts: "Ports",
  WorkingDir: "Working directory",
  StopSignal: "Stop signal",
  Healthcheck: "Health check",
  OnBuild: "On build",
};

/** A setting as people call it: `Env.PATH` is the variable PATH, `Labels.version` the label version. */
export function settingTitle(key: string): { kind: string; name: string } {
  const dot = key.indexOf(".");
  const kind = dot < 0 ? "" : key.slice(0, dot);
  if (kind === "Env") return { kind: "Variable", name: key.slice(dot + 1) };
  if (kind === "Labels") return { kind: "Label", name: key.slice(dot + 1) };
  return { kind: "", name: SETTINGS[key] ?? key };
}

/** How many bytes more or less: "+1.2 MB", "−40 kB", "±0 B" where only attributes or bytes of the same number differ. */
export function growth(before: number | null, after: number | null): string {
  const bytes = (after ?? 0) - (before ?? 0);
  if (bytes === 0) return "±0 B";
  return `${bytes > 0 ? "+" : "\u2212"}${formatSize(Math.abs(bytes))}`;
}
