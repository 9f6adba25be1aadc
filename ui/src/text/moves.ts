import { shortDigest } from "./digest";
import { formatAge } from "./time";

/** What has a name now: the image's ID and when it was made. */
interface Holder {
  id: string;
  created: string | null;
}

/** What is said before a name moves: "app:1 exists: it moves here from 3b3f5b000fda (2 d old)". */
export function movedNotice(name: string, from: Holder, now: number, there = false): string {
  const age = formatAge(from.created, now);
  const old = age ? ` (${age.replace(" ", "\u00a0")}\u00a0old)` : "";
  const moves = there ? "exists there: it moves from" : "exists: it moves here from";
  return `${name} ${moves} ${shortDigest(from.id)}${old}`;
}
