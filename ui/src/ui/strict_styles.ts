/*
 * xterm.js writes style sheets and style attributes, which the window's content security policy refuses as it refuses them to a text
 * from an image. The same styles set through the object model are the program's own and pass. So it gets a document whose elements
 * do just that.
 */

/** Whether rules can be held without a style element. */
const HOLDS_SHEETS = "adoptedStyleSheets" in Document.prototype;

/** The page's own way, also while `withStrictElements` has another in its place. */
function plainElement(tag: string, options?: ElementCreationOptions): HTMLElement {
  return Document.prototype.createElement.call(document, tag, options);
}

/** Sets a style attribute through the object model; anything else as usual. */
function setAttribute(this: HTMLElement, name: string, value: string): void {
  if (name === "style") this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

/** Stands where a style element would, and holds its rules for the whole document until it is removed. */
function sheetElement(): HTMLElement {
  const element = plainElement("template");
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", {
    set: (css: string) => {
      sheet.replaceSync(css);
    },
  });
  element.remove = (): void => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

function strictElement(tag: string, options?: ElementCreationOptions): HTMLElement {
  if (tag === "style" && HOLDS_SHEETS) return sheetElement();
  const element = plainElement(tag, options);
  element.setAttribute = setAttribute;
  return element;
}

/** The document for a library that styles its elements by attributes and style elements. */
export function strictDocument(): Document {
  return new Proxy(document, {
    get(target, key): unknown {
      if (key === "createElement") return strictElement;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Runs what takes the page's own document whatever it is given. */
export function withStrictElements(run: () => void): void {
  document.createElement = strictElement;
  try {
    run();
  } finally {
    delete (document as Partial<Document>).createElement;
  }
}
