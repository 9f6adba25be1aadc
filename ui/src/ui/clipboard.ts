/**
 * Puts `text` on the clipboard.
 *
 * Some webviews refuse the asynchronous clipboard outside a trusted page; the old command still works there, because a
 * copy always follows a click. Rejects when neither does.
 */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch (cause) {
    if (!copyBySelection(text)) throw new Error("The clipboard did not take the text", { cause });
  }
}

function copyBySelection(text: string): boolean {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  // Inside an open dialog the focus may not leave it, so the area stands beside what had the focus.
  (focused?.parentElement ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}
