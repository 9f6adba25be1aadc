/**
 * The only door between the window and the engine, with one file for each area of it.
 *
 * Nothing outside this folder imports `@tauri-apps/*` or the generated bindings. Every call resolves to plain data or throws an
 * `ApiError` whose code the caller may branch on; no caller ever looks at `{status: "error"}`.
 */
import { archives } from "./archives";
import { containers } from "./containers";
import { files } from "./files";
import { images } from "./images";
import { names } from "./names";
import { places } from "./places";
import { registries } from "./registries";
import { store } from "./store";
import { window } from "./window";

export type * from "./bindings";
export { ApiError, toApiError } from "./call";
export type { Unlisten } from "./window";

export const api = {
  ...images,
  ...names,
  ...files,
  ...containers,
  ...archives,
  ...registries,
  ...places,
  ...store,
  ...window,
};
