import { api, toApiError, type TagMove } from "../api";
import { toasts } from "./toasts.svelte";

/** How many names a sentence spells out before it counts the rest. */
const NAMED = 2;

/** Joins names for a sentence: "a", "a and b", "a, b and 3 more". */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, NAMED);
  const rest = names.length - shown.length;
  if (rest > 0) return `${shown.join(", ")} and ${String(rest)} more`;
  return shown.join(" and ");
}

/** Says in one sentence what an undo brought about. */
export function describeUndo(moves: readonly TagMove[]): string {
  const back = moves.filter((move) => move.to !== null && move.from === null).map((move) => move.name);
  const moved = moves.filter((move) => move.to !== null && move.from !== null).map((move) => move.name);
  const gone = moves.filter((move) => move.to === null).map((move) => move.name);
  const parts: string[] = [];
  if (back.length > 0) parts.push(`${listNames(back)} ${back.length === 1 ? "is" : "are"} back`);
  if (moved.length > 0)
    parts.push(`${listNames(moved)} ${moved.length === 1 ? "points" : "point"} where before`);
  if (gone.length > 0) parts.push(`${listNames(gone)} ${gone.length === 1 ? "is" : "are"} off again`);
  return parts.length > 0 ? parts.join(", ") : "The last change is undone";
}

/** Says in one sentence which names point to other images than before; null when none does. */
export function describeMoves(moves: readonly TagMove[]): string | null {
  const moved = moves.filter((move) => move.from !== null && move.to !== null && move.from !== move.to);
  if (moved.length === 0) return null;
  const names = moved.map((move) => move.name);
  return `${listNames(names)} ${names.length === 1 ? "points" : "point"} to another image than before.`;
}

/** Takes back the last removal or tag move of this store. */
class Undo {
  running = $state(false);

  /** Undoes once and says in a toast what came back. A second call while one runs does nothing. */
  async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      const moves = await api.undo();
      toasts.show({ tone: "good", title: describeUndo(moves) });
    } catch (thrown) {
      const error = toApiError(thrown);
      if (error.code === "nothing_to_undo") {
        toasts.show({ title: "Nothing to undo" });
      } else {
        toasts.showError(error);
      }
    } finally {
      this.running = false;
    }
  }
}

export const undo = new Undo();
