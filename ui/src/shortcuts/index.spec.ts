import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { installShortcuts, type ShortcutActions } from ".";

const actions: ShortcutActions = {
  palette: vi.fn(),
  pull: vi.fn(),
  settings: vi.fn(),
  undo: vi.fn(),
  filter: vi.fn(),
  larger: vi.fn(),
  smaller: vi.fn(),
  usualSize: vi.fn(),
};
let dialogOpen = false;
let stop: () => void;

function press(
  key: string,
  init: KeyboardEventInit = {},
  target: EventTarget = document.body,
): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init });
  target.dispatchEvent(event);
  return event;
}

function field(tag: "input" | "textarea", type = "text"): HTMLElement {
  const element = document.createElement(tag);
  if (element instanceof HTMLInputElement) element.type = type;
  document.body.append(element);
  return element;
}

beforeEach(() => {
  vi.clearAllMocks();
  dialogOpen = false;
  stop = installShortcuts(actions, () => dialogOpen);
});
afterEach(() => {
  stop();
  document.body.replaceChildren();
});

describe("shortcuts", () => {
  it("undo with Ctrl or Cmd Z", () => {
    expect(press("z", { ctrlKey: true }).defaultPrevented).toBe(true);
    press("z", { metaKey: true });
    expect(actions.undo).toHaveBeenCalledTimes(2);
  });

  it("leave undo to the text that somebody writes", () => {
    expect(press("z", { ctrlKey: true }, field("input")).defaultPrevented).toBe(false);
    press("z", { ctrlKey: true }, field("textarea"));
    expect(actions.undo).not.toHaveBeenCalled();
  });

  it("undo while a check box has the focus, because it holds no text", () => {
    press("z", { ctrlKey: true }, field("input", "checkbox"));
    expect(actions.undo).toHaveBeenCalledOnce();
  });

  it("do not take redo for undo", () => {
    press("z", { ctrlKey: true, shiftKey: true });
    expect(actions.undo).not.toHaveBeenCalled();
  });

  it("open the palette from a text field too", () => {
    press("k", { ctrlKey: true }, field("input"));
    expect(actions.palette).toHaveBeenCalledOnce();
  });

  it("do not act behind an open dialog", () => {
    dialogOpen = true;
    press("p", { ctrlKey: true });
    press("f", { ctrlKey: true });
    press("/");
    press("z", { ctrlKey: true });
    expect(actions.undo).not.toHaveBeenCalled();
    expect(actions.pull).not.toHaveBeenCalled();
    expect(actions.filter).not.toHaveBeenCalled();
  });

  it("change the size of text, over a dialog and in a field, too", () => {
    dialogOpen = true;
    press("+", { ctrlKey: true, shiftKey: true });
    press("=", { ctrlKey: true }, field("input"));
    press("-", { ctrlKey: true });
    press("0", { ctrlKey: true });
    expect(actions.larger).toHaveBeenCalledTimes(2);
    expect(actions.smaller).toHaveBeenCalledOnce();
    expect(actions.usualSize).toHaveBeenCalledOnce();
  });

  it("focus the filter with a slash, but write the slash into text", () => {
    press("/");
    press("/", {}, field("input"));
    expect(actions.filter).toHaveBeenCalledOnce();
  });

  it("stop when they are taken down", () => {
    stop();
    press("k", { ctrlKey: true });
    expect(actions.palette).not.toHaveBeenCalled();
  });
});
