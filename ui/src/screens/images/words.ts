import type { ImageRow } from "../../api";
import { shortDigest } from "../../text/digest";
import { formatBytes, formatCount, formatSize, grouped } from "../../text/size";

/** What a list says of itself: how much is shown of how much, and what all of it takes where that is known. */
export function listed(list: { total: number; totalAll: number; totalSize: number }): string {
  const all = formatCount(list.totalAll, "image");
  if (list.total !== list.totalAll) return `${grouped(list.total)} of ${all}`;
  return list.totalSize > 0 ? `${all}, ${formatSize(list.totalSize)}` : all;
}

/** The two parts of an image's heading; an image without a name says so. */
export function title(row: ImageRow): { name: string; namespace: string } {
  const first = row.names[0];
  if (!first) return { name: "untagged", namespace: shortDigest(row.id) };
  return { name: first.repository, namespace: first.namespace };
}

/** The image's first name as people write it, or the beginning of its ID. */
export function fullName(row: ImageRow): string {
  return row.names[0]?.familiar ?? shortDigest(row.id);
}

/** The tags, with the repository where it is another one than the heading's. */
export function tagLabels(row: ImageRow): string[] {
  const first = row.names[0];
  return row.names.flatMap((name) => {
    if (name.tag === null) return [];
    const same = name.repository === first?.repository && name.namespace === first.namespace;
    return [same ? name.tag : name.familiar];
  });
}

/** Bytes of it on disk, whoever else has them. */
export function onDisk(row: ImageRow): number {
  return row.uniqueSize + row.sharedSize;
}

/** The same in full, for the hover, with what the files would take unpacked where that is another number. */
export function diskSentence(row: ImageRow): string {
  const disk = `${formatBytes(onDisk(row))} on disk`;
  return row.size === onDisk(row) ? disk : `${disk}, ${formatBytes(row.size)} unpacked`;
}

/** What the manifest and the settings of an image take at most, but for few. */
const DOCUMENTS = 32_000;

/** How much of it is on disk for this image alone. */
export function onlyHere(row: ImageRow): string {
  // An image whose layers are all shared still has documents of its own, which are small in themselves and beside the layers.
  if (row.uniqueSize < DOCUMENTS && row.uniqueSize * 1000 < row.sharedSize) return "all shared";
  if (row.sharedSize === 0) return "all only here";
  return `${formatSize(row.uniqueSize)} only here`;
}

/** Most tags that a card spells out, however short they are. */
const MOST_TAGS = 3;
/** What a chip takes beside its text, and the chip that stands for the rest, in characters. */
const CHIP = 3;
const REST = 5;

/** How many of these tags fit beside each other into a line of `room` characters; at least one, which is cut. */
export function roomFor(tags: readonly string[], room: number): number {
  let used = 0;
  let count = 0;
  for (const [index, tag] of tags.slice(0, MOST_TAGS).entries()) {
    used += tag.length + CHIP;
    const rest = index + 1 < tags.length ? REST : 0;
    if (used + rest <= room) count = index + 1;
  }
  return Math.max(count, Math.min(1, tags.length));
}
