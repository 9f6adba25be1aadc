import { FitAddon } from "@xterm/addon-fit";
import { Terminal, type ITheme } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { strictDocument, withStrictElements } from "./strict_styles";

/** What somebody wants to know of a screen. */
export interface ScreenEvents {
  /** Text was typed or pasted. */
  oninput?: (text: string) => void;
  /** The screen has another size, in characters. */
  onsize?: (rows: number, columns: number) => void;
  /** Somebody asked for the keyboard back. */
  onleave?: () => void;
  /** The selected text is to be copied. */
  oncopy?: (text: string) => void;
}

export interface ScreenOptions extends ScreenEvents {
  /** The accessible name. */
  label: string;
  /** Only shows; nothing can be typed. */
  readOnly?: boolean;
  /** A line feed begins a new line at its start, as in a file. */
  plainLines?: boolean;
}

const FONT_SIZE = 13;
const SCROLLBACK = 5000;
/** Terminal colours by the tokens that say the same; what is bright is the same and bold. */
const COLOURS = {
  background: "--surface",
  foreground: "--text",
  cursor: "--accent",
  cursorAccent: "--surface",
  black: "--text",
  red: "--bad",
  green: "--good",
  yellow: "--warn",
  blue: "--accent",
  magenta: "--magenta",
  cyan: "--cyan",
  white: "--text-3",
  brightBlack: "--text-3",
  brightRed: "--bad-hover",
  brightGreen: "--good",
  brightYellow: "--warn",
  brightBlue: "--accent-hover",
  brightMagenta: "--magenta",
  brightCyan: "--cyan",
  brightWhite: "--text",
  scrollbarSliderBackground: "--line-strong",
  scrollbarSliderHoverBackground: "--control-line",
  scrollbarSliderActiveBackground: "--control-line",
} as const;

/** Makes of a token the number that a terminal understands; undefined where there is no canvas to ask. */
function colour(
  probe: HTMLElement,
  pixel: CanvasRenderingContext2D | null,
  token: string,
): string | undefined {
  probe.style.color = `var(${token})`;
  if (!pixel) return undefined;
  pixel.fillStyle = getComputedStyle(probe).color;
  pixel.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = pixel.getImageData(0, 0, 1, 1).data;
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/** The colours of the theme that is on screen in this element. */
function themeOf(host: HTMLElement): ITheme {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pixel = canvas.getContext("2d", { willReadFrequently: true });
  const probe = document.createElement("span");
  host.append(probe);
  const theme: Record<string, string> = {};
  for (const [key, token] of Object.entries(COLOURS)) {
    const value = colour(probe, pixel, token);
    if (value) theme[key] = value;
  }
  const accent = theme["cursor"];
  if (accent) theme["selectionBackground"] = `${accent}48`;
  probe.remove();
  return theme;
}

/** A terminal's screen in an element of the page, until `dispose` is called. */
export class TerminalScreen {
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #stops: (() => void)[] = [];

  constructor(host: HTMLElement, options: ScreenOptions) {
    const strict = strictDocument();
    const { fontFamily } = getComputedStyle(host);
    this.#terminal = new Terminal({
      documentOverride: strict,
      fontFamily,
      fontSize: FONT_SIZE,
      lineHeight: 1.25,
      scrollback: SCROLLBACK,
      // What a program colours stays readable on our background.
      minimumContrastRatio: 4.5,
      drawBoldTextInBrightColors: false,
      cursorBlink: false,
      cursorStyle: options.readOnly ? "underline" : "block",
      cursorInactiveStyle: options.readOnly ? "none" : "outline",
      disableStdin: options.readOnly ?? false,
      convertEol: options.plainLines ?? false,
      screenReaderMode: true,
      theme: themeOf(host),
    });
    const terminal = this.#terminal;
    terminal.loadAddon(this.#fit);
    withStrictElements(() => {
      terminal.open(host);
    });
    terminal.textarea?.setAttribute("aria-label", options.label);
    terminal.attachCustomKeyEventHandler((event) => this.#key(event, options));
    terminal.onData((text) => options.oninput?.(text));
    terminal.onResize(({ rows, cols }) => options.onsize?.(rows, cols));
    const resized = new ResizeObserver(() => {
      this.fit();
    });
    resized.observe(host);
    this.#stops.push(() => {
      resized.disconnect();
    });
    this.#followTheme(host);
    this.fit();
  }

  /** The size in characters. */
  get size(): { rows: number; columns: number } {
    return { rows: this.#terminal.rows, columns: this.#terminal.cols };
  }

  /** Draws what a program wrote; `drawn` is called when it is. */
  write(bytes: Uint8Array, drawn: () => void): void {
    this.#terminal.write(bytes, drawn);
  }

  /** Gives the screen the keyboard. */
  focus(): void {
    this.#terminal.focus();
  }

  /** Fills the element with as many characters as it has room for. */
  fit(): void {
    this.#fit.fit();
  }

  dispose(): void {
    for (const stop of this.#stops) stop();
    this.#terminal.dispose();
  }

  /** Says of a key whether the program gets it. All others go to it, those of the window too. */
  #key(event: KeyboardEvent, options: ScreenOptions): boolean {
    const { key, shiftKey, ctrlKey } = event;
    if (event.type !== "keydown") return true;
    if (shiftKey && key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      options.onleave?.();
      return false;
    }
    if (ctrlKey && shiftKey && key.toLowerCase() === "c") {
      event.preventDefault();
      event.stopPropagation();
      const text = this.#terminal.getSelection();
      if (text !== "") options.oncopy?.(text);
      return false;
    }
    // The webview pastes, which asks nobody for the clipboard.
    if (ctrlKey && shiftKey && key.toLowerCase() === "v") return false;
    return true;
  }

  /** Takes the colours anew when the system or the user changes the theme. */
  #followTheme(host: HTMLElement): void {
    const change = (): void => {
      this.#terminal.options.theme = themeOf(host);
    };
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", change);
    const forced = new MutationObserver(change);
    forced.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.#stops.push(() => {
      system.removeEventListener("change", change);
      forced.disconnect();
    });
  }
}
