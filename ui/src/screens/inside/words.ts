import type { FileChange, FileTouch, ListedFile, OutlineRow, WasteSource } from "../../api";
import { formatCount, formatSize, grouped } from "../../text/size";

/** An instruction without the words that builders put before it. */
export function instruction(createdBy: string | null, number: number): string {
  if (createdBy === null || createdBy.trim() === "")
    return number > 0 ? `Layer ${String(number)}` : "No instruction";
  const bare = createdBy
    .replace(/^\/bin\/sh -c #\(nop\)\s*/, "")
    .replace(/^(RUN )?\/bin\/sh -c /, "RUN ")
    .replace(/\s+# buildkit$/, "");
  return bare.trim() === "" ? createdBy : bare;
}

/** What a layer did to what a line shows, and in a few words: "added", "3 changed", "removed". */
export function changeOf(row: OutlineRow): { change: FileChange | null; words: string } {
  const { file } = row;
  const counts: [number, FileChange][] = [
    [row.addedBelow, "added"],
    [row.changedBelow, "changed"],
    [row.removedBelow, "removed"],
  ];
  const [most, what] = counts.reduce((best, next) => (next[0] > best[0] ? next : best));
  const below = file.kind === "folder" && most > 0 && file.change !== "removed";
  const change = below ? what : file.change;
  if (change === null) return { change, words: "" };
  const words = most > 0 && file.kind === "folder" ? `${grouped(most)} ${what}` : change;
  return { change, words: file.hiddenBy === null ? words : `${words}, hidden by ${String(file.hiddenBy)}` };
}

/** The same in full, for the hover. */
export function changeSentence(row: OutlineRow): string {
  const parts: string[] = [];
  if (row.file.change) parts.push(capital(row.file.change));
  if (row.addedBelow > 0) parts.push(`${grouped(row.addedBelow)} added below`);
  if (row.changedBelow > 0) parts.push(`${grouped(row.changedBelow)} changed below`);
  if (row.removedBelow > 0) parts.push(`${grouped(row.removedBelow)} removed below`);
  if (row.file.hiddenBy !== null) parts.push(`replaced or removed by layer ${String(row.file.hiddenBy)}`);
  return parts.join(", ");
}

/** What a layer did to a path: "changed, 11 B". */
export function touchWords(touch: FileTouch): string {
  const size = touch.size === null ? "" : `, ${formatSize(touch.size)}`;
  return `${touch.change ?? "has it unchanged"}${size}`;
}

/** What a file is, in a word. */
export function kindWord(file: ListedFile): string {
  switch (file.kind) {
    case "folder":
      return "Folder";
    case "symlink":
      return "Symbolic link";
    case "hardLink":
      return "Hard link";
    case "special":
      return "Device or pipe";
    case "file":
      return "File";
  }
}

/** What happened to bytes that are of no use, and what to do about it. */
export function sourceWords(source: WasteSource): { what: string; advice: string } {
  const { layer, later } = source;
  const of = `${formatSize(source.bytes)} of layer ${String(layer)}`;
  const files = `${formatCount(source.files, "file")}${source.files === 1 ? "" : ", most"} in ${source.folder}`;
  switch (source.cause) {
    case "removed":
      return {
        what: `Layer ${String(later)} removes ${of} (${files})`,
        advice:
          "A layer cannot take back what is below it. Remove the files in the same instruction that makes them, or make them in a build stage that is not kept.",
      };
    case "replaced":
      return {
        what: `Layer ${String(later)} replaces ${of} (${files})`,
        advice: "Both versions are carried along. Bring the files to their last state in one instruction.",
      };
    case "repeated":
      return {
        what: `Layer ${String(later)} has ${of} again (${files})`,
        advice:
          "Only the owner, the permissions, a time or an attribute differ. Set them where the files are made: COPY --chown and --chmod, or the same RUN.",
      };
  }
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
