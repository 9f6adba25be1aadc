import { copyText } from "../ui/clipboard";
import { toasts } from "./toasts.svelte";

/** Puts a text on the clipboard and says in a notice whether it is there. */
export async function copy(text: string): Promise<void> {
  try {
    await copyText(text);
    toasts.show({ title: "Copied" });
  } catch {
    toasts.show({ tone: "bad", title: "Not copied: the clipboard is closed" });
  }
}
