import type { DiskUsage } from "../../api";

/** One part of what the folder takes. */
export interface UsagePart {
  key: "only" | "shared" | "partial" | "indexes" | "containers" | "rest";
  label: string;
  hint: string;
  bytes: number;
}

/**
 * Takes the folder's size apart so that the parts add up to it.
 *
 * What the engine names is named; the rest is what removals left for undo and the store's own bookkeeping. Parts
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
  const named = parts.reduce((sum, part) => sum + part.bytes, 0);
  parts.push({
    key: "rest",
    label: "Kept for undo, and bookkeeping",
    hint: "What was removed and can come back, and the store's own records",
    bytes: Math.max(0, usage.totalSize - named),
  });
  return parts.filter((part) => part.bytes > 0);
}
