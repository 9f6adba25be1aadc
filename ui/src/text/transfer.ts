import { formatSize } from "./size";

/** What a finished transfer cost: "41 MB fetched, 399 MB were here already." */
export function transferSentence(fetched: number, reused: number, kind = "pull"): string {
  if (kind === "save" || kind === "saveFile") return `${formatSize(fetched)} written.`;
  if (kind === "commit")
    return fetched === 0
      ? "No file was changed, only settings."
      : `Its new layer has ${formatSize(fetched)}.`;
  if (kind === "copy") return "All of it is there.";
  if (kind === "add") return `${formatSize(fetched)} copied.`;
  if (kind === "push") {
    if (fetched === 0) return "Everything was there already.";
    return reused === 0
      ? `${formatSize(fetched)} sent.`
      : `${formatSize(fetched)} sent, ${formatSize(reused)} were there already.`;
  }
  if (fetched === 0) return "Everything was here already.";
  const came = kind === "pull" ? "fetched" : "read";
  if (reused === 0) return `${formatSize(fetched)} ${came}.`;
  return `${formatSize(fetched)} ${came}, ${formatSize(reused)} were here already.`;
}
