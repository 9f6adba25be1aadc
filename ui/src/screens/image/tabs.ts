import type { ImageTab } from "../../state/navigation.svelte";

/** The tabs of an image, in their order. A wide one needs the whole window: the list goes while it is looked at. */
export const TABS: { tab: ImageTab; label: string; wide?: boolean }[] = [
  { tab: "overview", label: "Overview" },
  { tab: "layers", label: "Layers", wide: true },
  { tab: "files", label: "Files", wide: true },
  { tab: "waste", label: "Waste", wide: true },
  { tab: "history", label: "History" },
  { tab: "software", label: "Software" },
  { tab: "compare", label: "Compare", wide: true },
  { tab: "json", label: "JSON" },
];

/** Whether a tab needs the whole window. */
export function isWide(tab: ImageTab): boolean {
  return TABS.some((other) => other.tab === tab && other.wide === true);
}
