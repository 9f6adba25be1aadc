/** What the keyboard can ask for anywhere in the window. */
export interface ShortcutActions {
  palette: () => void;
  pull: () => void;
  settings: () => void;
  undo: () => void;
  filter: () => void;
  larger: () => void;
  smaller: () => void;
  usualSize: () => void;
}

/** The system's word for the key that goes with shortcuts. */
const isMac = /mac|iphone|ipad/i.test(navigator.userAgent);

/** Writes a shortcut the way this system does: "Ctrl K" or "⌘K". */
export function shortcutLabel(key: string): string {
  return isMac ? `⌘${key}` : `Ctrl ${key}`;
}

/** Whether the key goes into text that somebody is writing. */
export function isTextField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (!(target instanceof HTMLInputElement)) return false;
  return !["checkbox", "radio", "button", "submit", "range", "color", "file"].includes(target.type);
}

/**
 * Listens for the window-wide shortcuts until the returned function is called.
 *
 * Undo and `/` belong to the text while somebody writes; the palette, the filter and the others work everywhere. While
 * a dialog is open only the palette is told, which closes itself that way, and the size of text: the rest would act behind
 * the dialog's back.
 */
export function installShortcuts(actions: ShortcutActions, dialogIsOpen: () => boolean): () => void {
  function handleKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const action = actionFor(event, actions, dialogIsOpen());
    if (!action) return;
    event.preventDefault();
    action();
  }
  window.addEventListener("keydown", handleKey);
  return () => {
    window.removeEventListener("keydown", handleKey);
  };
}

function actionFor(event: KeyboardEvent, actions: ShortcutActions, dialogOpen: boolean): (() => void) | null {
  const writing = isTextField(event.target);
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey)) {
    return key === "/" && !writing && !dialogOpen ? actions.filter : null;
  }
  // On many keyboards the plus has a shift key; the size of text is nobody's work, and changes over a dialog, too.
  if (key === "+" || key === "=") return actions.larger;
  if (key === "-") return actions.smaller;
  if (event.shiftKey) return null;
  switch (key) {
    case "0":
      return actions.usualSize;
    case "k":
      return actions.palette;
    case "z":
      return writing || dialogOpen ? null : actions.undo;
    case "f":
      return dialogOpen ? null : actions.filter;
    case "p":
      return dialogOpen ? null : actions.pull;
    case ",":
      return dialogOpen ? null : actions.settings;
    default:
      return null;
  }
}
