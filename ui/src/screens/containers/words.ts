import type { ContainerRow, FileChange, ListedFile, ProgramEnd, TerminalRow } from "../../api";
import { plainUntrusted } from "../../text/escapes";
import { formatCount, formatSize } from "../../text/size";
import { formatMoment } from "../../text/time";

/** What a container does: "not run yet", "running since 24 Nov 2026, 21:29", "exited 137". */
export function statusWords(row: ContainerRow): string {
  if (row.status === "created") return "not run yet";
  if (row.running)
    return row.started === null ? row.status : `${row.status} since ${formatMoment(row.started)}`;
  return row.exitCode === null ? row.status : `${row.status} ${String(row.exitCode)}`;
}

/** What ended a program, by the numbers of the signals that people know. */
const SIGNALS: Record<number, string> = {
  1: "hung up",
  2: "interrupted",
  6: "aborted",
  9: "killed",
  11: "crashed",
  15: "asked to end",
};

/** How a program ended: "Ended with exit code 137, killed". */
export function endWords(end: ProgramEnd): string {
  if (end.code === null) return end.failure?.message ?? "Ended, and nobody saw how";
  const signal = SIGNALS[end.code - 128];
  return `Ended with exit code ${String(end.code)}${signal ? `, ${signal}` : ""}`;
}

/** What a program is called: the command that was typed, or what the container runs by itself. */
export function terminalTitle(terminal: TerminalRow): string {
  return terminal.first ? "Container" : plainUntrusted(terminal.title);
}

/** What was changed in a container: "3 changes, 1.2 MB". */
export function changesWords(row: ContainerRow): string {
  if (row.changes === 0) return "nothing changed";
  return `${formatCount(row.changes, "change")}, ${formatSize(row.size)}`;
}

/** The letter that `diff` writes for a change. */
export const LETTERS: Record<FileChange, string> = { added: "A", changed: "C", removed: "D" };

/** Permissions as four octal digits: "0644". */
export function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/** Reads permissions in octal; null for anything else. */
export function readOctal(text: string): number | null {
  return /^0?[0-7]{1,4}$/.test(text.trim()) ? Number.parseInt(text.trim(), 8) : null;
}

/** Reads the number of a user or group; null for anything else. */
export function readId(text: string): number | null {
  if (!/^\d{1,10}$/.test(text.trim())) return null;
  const number = Number(text.trim());
  // The last one is the system's word for "nobody was named".
  return number < 4_294_967_295 ? number : null;
}

/** How lines end in a text that can be edited without changing other lines; null where they end in several ways. */
export function lineEnd(text: string): "\n" | "\r\n" | null {
  const all = text.match(/\r\n|\r|\n/g) ?? [];
  const ends = new Set(all);
  if (ends.size > 1 || ends.has("\r")) return null;
  return ends.has("\r\n") ? "\r\n" : "\n";
}

/** Whether removing it loses something that nothing brings back: what came with the container's own changes. */
export function losesOwn(row: { file: ListedFile; addedBelow: number; changedBelow: number }): boolean {
  return row.file.change !== null || row.addedBelow + row.changedBelow > 0;
}
