import { api, toApiError, type ChangeId, type TagMove, type Undone } from "../api";
import { toasts, type ToastAction } from "./toasts.svelte";

/** How many names a sentence spells out before it counts the rest. */
const NAMED = 2;

/** Joins names for a sentence: "a", "a and b", "a, b and 3 more". */
function listNames(names: readonly string[]): string {
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

/** The names that point to other images than before. */
export function movedNames(moves: readonly TagMove[]): string[] {
  const moved = moves.filter((move) => move.from !== null && move.to !== null && move.from !== move.to);
  return moved.map((move) => move.name);
}

/** Says in one sentence which names point to other images than before; null when none does. */
export function describeMoves(moves: readonly TagMove[]): string | null {
  const names = movedNames(moves);
  if (names.length === 0) return null;
  return `${listNames(names)} ${names.length === 1 ? "points" : "point"} to another image than before.`;
}

/** Says in one sentence which names there were not before; null when none is new. */
export function describeNew(moves: readonly TagMove[]): string | null {
  const names = moves.filter((move) => move.from === null && move.to !== null).map((move) => move.name);
  if (names.length === 0) return null;
  return `${listNames(names)} ${names.length === 1 ? "is a new name" : "are new names"} here.`;
}

function same(one: ChangeId, other: ChangeId): boolean {
  return one.number === other.number && one.time === other.time;
}

/** Takes back removals and tag moves of this store: the last one, or the very one that a notice speaks of. */
class Undo {
  running = $state(false);
  /** The changes that notices offer to take back, by their buttons; one that nobody holds any more goes by itself. */
  #offered = new WeakMap<ToastAction, ChangeId>();

  /** Undoes once and says in a toast what came back. A second call while one runs does nothing. */
  async run(): Promise<void> {
    await this.#once(async () => {
      this.#tell(await api.undo(null));
    });
  }

  /**
   * Gives the button that takes back the change that was just made, and no other.
   *
   * `names` are the names that it changed, as people write them. Once something else was changed, the button says so and
   * does nothing: the store knows only the way back to where it came from. `undone` is called when the change is taken back.
   */
  offer(names: readonly string[], undone: () => void = () => {}): ToastAction {
    const change = this.#lastOf(names);
    const action = {
      label: "Undo",
      run: (): void => {
        void this.#once(async () => {
          const mine = await change;
          if (mine && (await this.#takeBack(mine))) undone();
          else if (!mine) this.#refuse(null);
        });
      },
    };
    void change.then((made) => {
      if (made) this.#offered.set(action, made);
    });
    return action;
  }

  /** The last change, if it is the one of these names. */
  async #lastOf(names: readonly string[]): Promise<ChangeId | null> {
    try {
      const last = await api.undoable();
      return last && names.every((name) => last.names.includes(name)) ? last.change : null;
    } catch {
      // The button will say that there is no way back; the change itself was told.
      return null;
    }
  }

  /** Undoes this change, or says why it is too late for that. Throws what else the engine refuses. */
  async #takeBack(change: ChangeId): Promise<boolean> {
    try {
      this.#tell(await api.undo(change));
      return true;
    } catch (thrown) {
      const error = toApiError(thrown);
      if (error.code === "plan_stale") this.#refuse(error.message);
      else if (error.code === "nothing_to_undo") this.#refuse(null);
      else throw error;
      return false;
    }
  }

  #refuse(reason: string | null): void {
    toasts.show({
      title: "This change can no longer be undone by itself",
      detail: reason ?? "Something else was changed since, it is undone already, or the time for it is over.",
    });
  }

  /** Says what came back, and takes away the notices that offer the same. */
  #tell({ change, moves }: Undone): void {
    this.#withdraw(change);
    toasts.show({ tone: "good", title: describeUndo(moves) });
  }

  #withdraw(change: ChangeId): void {
    for (const toast of toasts.list) {
      const offered = toast.action && this.#offered.get(toast.action);
      if (offered && same(offered, change)) toasts.dismiss(toast);
    }
  }

  async #once(work: () => Promise<void>): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      await work();
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
