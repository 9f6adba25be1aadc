import { api } from "../api";
import { sizeOfSize } from "../text/size";
import { transferSentence } from "../text/transfer";
import { operations } from "./operations.svelte";
import { VERBS, type Operation } from "./operation.svelte";
import { settings } from "./settings.svelte";
import { toasts } from "./toasts.svelte";
import { describeMoves, describeNew, movedNames, undo } from "./undo.svelte";

/** The places in the window that state can send somebody to. */
export interface Places {
  openImage: (target: string) => void;
  showActivity: () => void;
}

/**
 * Starts what runs as long as the window: reads settings and interrupted pulls, tells outcomes, follows notifications.
 *
 * Returns the way to stop all of it.
 */
export function startApp(places: Places): () => void {
  void settings.load();
  void operations.loadInterrupted().then(() => {
    if (operations.interrupted.length > 0) tellInterrupted(places);
  });
  const stopOutcomes = operations.onOutcome((operation) => {
    tellOutcome(operation, places);
  });
  const focus = api.onFocusImage((target) => {
    // An empty target only asks for the window, which the shell has brought forward.
    if (target !== "") places.openImage(target);
  });
  return () => {
    stopOutcomes();
    void focus.then((unlisten) => {
      unlisten();
    });
  };
}

function tellInterrupted(places: Places): void {
  const [first, ...others] = operations.interrupted;
  if (!first) return;
  if (others.length > 0) {
    toasts.show({
      title: `${String(others.length + 1)} pulls were cut off when Strata ended`,
      detail: "What was fetched is kept.",
      action: { label: "Show", run: places.showActivity },
    });
    return;
  }
  toasts.show({
    title: `Pulling ${first.reference} was cut off when Strata ended`,
    detail:
      first.totalBytes === null
        ? "What was fetched is kept."
        : `${sizeOfSize(first.doneBytes, first.totalBytes)} are here; only the rest is fetched.`,
    action: { label: "Resume", run: () => void operations.resume(first) },
  });
}

/** Says in a notice how an operation ended, with the next thing that one may want. */
export function tellOutcome(operation: Operation, places: Places): void {
  const { outcome, error, subject: name, kind } = operation;
  const verbs = VERBS[kind];
  if (operation.status === "done" && outcome) {
    const { target, moved: moves = [] } = outcome;
    const transfer = transferSentence(outcome.fetchedBytes, outcome.reusedBytes, kind);
    const moved = describeMoves(moves);
    // Whoever cancelled wants none of the names that it made.
    const unwanted = operation.cancelling ? moves.map((move) => move.name) : movedNames(moves);
    const details = [
      operation.cancelling ? "It was complete before it could be cancelled." : null,
      moved || !(outcome.upToDate || kind === "copy") ? transfer : null,
      moved ?? (outcome.fetchedBytes === 0 && kind === "load" ? describeNew(moves) : null),
    ];
    toasts.show({
      tone: "good",
      title: outcome.upToDate && !moved ? `${name} is up to date` : `${verbs.done} ${name}`,
      detail: details.filter((sentence) => sentence !== null).join(" ") || undefined,
      action:
        unwanted.length > 0
          ? undo.offer(unwanted)
          : target
            ? {
                label: "Show",
                run: () => {
                  places.openImage(target);
                },
              }
            : undefined,
    });
  } else if (operation.status === "cancelled") {
    toasts.show({
      title: `Cancelled ${verbs.doing.toLowerCase()} ${name}`,
      detail:
        kind === "pull" && operation.fetchedBytes > 0
          ? "What was fetched is kept for the next attempt."
          : undefined,
      action: operation.work.once
        ? undefined
        : { label: kind === "pull" ? "Resume" : "Again", run: () => void operations.retry(operation) },
    });
  } else if (error) {
    toasts.show({
      tone: "bad",
      title: `${name} ${verbs.failed}`,
      detail: [error.message, error.hint].filter(Boolean).join(" "),
      action: operation.work.once
        ? undefined
        : { label: "Retry", run: () => void operations.retry(operation) },
    });
  }
}
