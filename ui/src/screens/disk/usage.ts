import type { DiskUsage } from "../../api";

/** One part of what the folder takes. */
export interface UsagePart {
  key: "only" | "shared" | "partial" | "indexes" | "containers" | "unpacked" | "kept" | "rest";
  label: string;
  hint: string;
  bytes: number;
}

/**
 * Takes the folder's size apart so that the parts add up to it.
 *
 * What the engine names is named; the rest is the store's own bookkeeping. Parts
 * without bytes are left out.
 */
export function usageParts(usage: DiskUsage): UsagePart[] {
  const shared = Math.min(usage.layersShared, usage.imagesSize);
  const parts: UsagePart[] = [
    {
      key: "only",
      label: "Images, each on its own",
      hint: "Layers and settings that one image has",
      bytes: usage.imagesSize - shared,
    },
    {
      key: "shared",
      label: "Images, shared",
      hint: "Layers that several images have, each counted once",
      bytes: shared,
    },
    {
      key: "containers",
      label: "Containers",
      hint: "What working containers changed",
      bytes: usage.containersSize,
    },
    {
      key: "unpacked",
      label: "Unpacked for containers",
      hint: "The files of images that containers run on",
      bytes: usage.unpackedSize,
    },
    {
      key: "partial",
      label: "Partial downloads",
      hint: "Bytes that a resumed pull does not fetch again",
      bytes: usage.partialSize,
    },
    {
      key: "indexes",
      label: "File indexes",
      hint: "Lists of the files in each layer, for exploring",
      bytes: usage.indexesSize,
    },
  ];
  parts.push({
    key: "kept",
    label: "Kept for undo",
    hint: "What was removed: it can come back, and goes by itself after a day",
    bytes: usage.keptSize,
  });
  const named = parts.reduce((sum, part) => sum + part.bytes, 0);
  parts.push({
    key: "rest",
    label: "Bookkeeping",
    hint: "The store's own records",
    bytes: Math.max(0, usage.totalSize - named),
  });
  return parts.filter((part) => part.bytes > 0);
}
