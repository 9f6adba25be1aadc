import { formatSize } from "./size";

/** What a finished transfer cost: "41 MB fetched, 399 MB were here already." */
export function transferSentence(fetched: number, reused: number): string {
  if (fetched === 0) return "Everything was here already.";
  if (reused === 0) return `${formatSize(fetched)} fetched.`;
  return `${formatSize(fetched)} fetched, ${formatSize(reused)} were here already.`;
}
