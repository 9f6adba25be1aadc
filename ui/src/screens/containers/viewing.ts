import { api } from "../../api";
import type { TerminalScreen } from "../../ui/terminal";

let views = 0;

/** Starts to show something, and resolves when it has ended or the view was closed. */
type Begin<End> = (view: string, onOutput: (bytes: Uint8Array) => void) => Promise<End>;

/**
 * Draws on a screen what the shell sends, and tells it how far the drawing is, so that no more is sent than can be drawn.
 *
 * Closing a view ends nothing but the view.
 */
export function view<End>(
  screen: TerminalScreen,
  begin: Begin<End>,
): { ended: Promise<End>; close: () => void } {
  // A page that was loaded anew begins to count anew.
  const name = `${String(performance.timeOrigin)}-${String(++views)}`;
  let bytes = 0;
  let open = true;
  const ended = begin(name, (piece) => {
    if (!open) return;
    screen.write(piece, () => {
      bytes += piece.length;
      if (open) void api.viewDrawn(name, bytes).catch(() => undefined);
    });
  });
  return {
    ended,
    close: () => {
      open = false;
      void api.closeView(name).catch(() => undefined);
    },
  };
}
