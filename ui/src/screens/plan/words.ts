import type { Plan, Removed } from "../../api";
import { formatCount, formatSize } from "../../text/size";

type Counts = Pick<Plan, "deleted" | "untaggedOnly" | "freedBytes">;

/** "3 images", "2 names", "3 images and 1 name". */
function whatGoes(images: number, names: number): string {
  const parts: string[] = [];
  if (images > 0) parts.push(formatCount(images, "image"));
  if (names > 0) parts.push(formatCount(names, "name"));
  return parts.join(" and ");
}

/** What the button of a plan sheet says: exactly what pressing it does. */
export function removeLabel(plan: Counts): string {
  const what = whatGoes(plan.deleted.length, plan.untaggedOnly.length);
  if (what === "") return "Nothing to remove";
  return plan.freedBytes > 0 ? `Remove ${what}, free ${formatSize(plan.freedBytes)}` : `Remove ${what}`;
}

/** What is said of containers that an engine removes with an image. Only Podman does, and only by force. */
export function containersSentence(names: readonly string[]): string {
  return names.length === 1
    ? `Force also removes its container ${names.join("")}, with all that was changed in it.`
    : `Force also removes ${formatCount(names.length, "container")}, with all that was changed in them: ${names.join(", ")}.`;
}

/** What the toast says afterwards, from what really went. */
export function removedSentence(removed: Removed, untaggedOnly: number): string {
  const what = whatGoes(
    removed.deleted.length,
    removed.deleted.length === 0 ? removed.untagged.length : untaggedOnly,
  );
  if (what === "") return "Nothing was removed";
  const [only, ...others] = removed.untagged;
  // Two notices beside each other are told apart by what they speak of.
  const named = only && others.length === 0 && removed.deleted.length <= 1 ? only : what;
  return removed.freedBytes > 0
    ? `Removed ${named}, frees ${formatSize(removed.freedBytes)}`
    : `Removed ${named}`;
}
