import { onDestroy } from "svelte";

/**
 * Tells whether the component that asks is still on the screen; called while the component is made.
 *
 * Work may outlast the dialog it was begun in: what it brings then belongs into a notice, and there is nothing left to
 * close and nowhere to go from.
 */
export function presence(): () => boolean {
  let here = true;
  onDestroy(() => {
    here = false;
  });
  return () => here;
}
