import "@testing-library/jest-dom/vitest";
import { configure } from "@testing-library/svelte";

// For `waitFor` and every `findBy`. Far more than anything takes, because the machine may be busy.
configure({ asyncUtilTimeout: 30_000 });

// jsdom has no layout: these stand in for the parts of it that components ask about.
class NoResize implements ResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}
globalThis.ResizeObserver ??= NoResize;
Element.prototype.scrollIntoView ??= () => {};
Element.prototype.hasPointerCapture ??= () => false;
Element.prototype.setPointerCapture ??= () => {};
Element.prototype.releasePointerCapture ??= () => {};
Element.prototype.animate ??= () =>
  ({ cancel() {}, finished: Promise.resolve(), onfinish: null }) as unknown as Animation;
// It has no canvas either, and says so at length each time.
HTMLCanvasElement.prototype.getContext = () => null;
globalThis.matchMedia ??= (query: string) =>
  ({
    matches: false,
    media: query,
    addEventListener() {},
    removeEventListener() {},
    // The older names of the two, which xterm.js still uses.
    addListener() {},
    removeListener() {},
  }) as unknown as MediaQueryList;
