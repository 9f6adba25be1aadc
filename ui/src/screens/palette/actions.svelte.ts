import { archives } from "../../state/archives.svelte";
import { containers } from "../../state/containers.svelte";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation, type ImageTab, type Screen } from "../../state/navigation.svelte";
import { VERBS } from "../../state/operation.svelte";
import { operations } from "../../state/operations.svelte";
import { places } from "../../state/places.svelte";
import { windowMemory } from "../../state/remembered.svelte";
import { settings } from "../../state/settings.svelte";
import { status } from "../../state/status.svelte";
import { undo } from "../../state/undo.svelte";
import { updates } from "../../state/updates.svelte";
import { shortcutLabel } from "../../shortcuts";

/** Where the palette can send somebody. */
export interface Destinations {
  go: (screen: Screen) => void;
  openImage: (target: string) => void;
}

/** Something that the palette can do. */
export interface PaletteAction {
  id: string;
  label: string;
  /** Other words that somebody may look for it by. */
  words?: string;
  keys?: string;
  run: () => void;
}

/** Everything that can be done right now, the most likely first. */
export function paletteActions(to: Destinations): PaletteAction[] {
  return [
    {
      id: "pull",
      label: "Pull image…",
      words: "download get",
      keys: shortcutLabel("P"),
      run: () => {
        dialogs.openPull();
      },
    },
    {
      id: "open archives",
      label: "Open archives…",
      words: "load import tarball tar docker save oci",
      run: (): void => void archives.choose(),
    },
    {
      id: "search",
      label: "Search registries",
      words: "find repository hub tags",
      run: () => {
        navigation.repository = null;
        to.go("search");
      },
    },
    {
      id: "sign in",
      label: "Sign in to a registry…",
      words: "login password token",
      run: () => {
        dialogs.openSignIn();
      },
    },
    {
      id: "check updates",
      label: "Check for updates",
      words: "newer available registry",
      run: (): void => void updates.checkAll(),
    },
    ...places.list.map((place) => ({
      id: `place ${place.id}`,
      label: `Go to ${place.title}`,
      words: "docker podman engine context images containers",
      run: (): void => {
        navigation.openPlace(place.id);
      },
    })),
    ...operations.running.map((operation) => ({
      id: `cancel ${operation.id}`,
      label: `Cancel ${VERBS[operation.kind].doing.toLowerCase()} ${operation.subject}`,
      words: "stop abort",
      run: (): void => void operation.cancel(),
    })),
    ...operations.ended
      .filter((operation) => operation.status !== "done")
      .map((operation) => ({
        id: `retry ${operation.id}`,
        label: `${VERBS[operation.kind].again} ${operation.subject} again`,
        words: "retry resume",
        run: (): void => void operations.retry(operation),
      })),
    {
      id: "undo",
      label: "Undo the last change of names",
      keys: shortcutLabel("Z"),
      run: () => void undo.run(),
    },
    {
      id: "prune",
      label: "Prune…",
      words: "clean up free space remove unused dangling",
      run: () => {
        dialogs.openPrune();
      },
    },
    ...(navigation.screen === "images" && navigation.image !== null ? TABS : []).map(
      ({ tab, label, words }) => ({
        id: `tab ${tab}`,
        label,
        words,
        run: (): void => {
          to.go("images");
          navigation.tab = tab;
        },
      }),
    ),
    ...commits(),
    ...SCREENS.map(({ screen, label, words, keys }) => ({
      id: `go ${screen}`,
      label,
      words,
      keys,
      run: (): void => {
        to.go(screen);
      },
    })),
    {
      id: "larger",
      label: "Larger text",
      words: "zoom in size bigger accessibility",
      keys: shortcutLabel("+"),
      run: () => {
        windowMemory.larger();
      },
    },
    {
      id: "smaller",
      label: "Smaller text",
      words: "zoom out size",
      keys: shortcutLabel("-"),
      run: () => {
        windowMemory.smaller();
      },
    },
    {
      id: "usual size",
      label: "Usual size of text",
      words: "zoom reset 100 %",
      keys: shortcutLabel("0"),
      run: () => {
        windowMemory.usual();
      },
    },
    ...THEMES.filter(({ theme }) => theme !== settings.theme).map(({ theme, label }) => ({
      id: `theme ${theme}`,
      label,
      words: "appearance colours mode",
      run: (): void => void settings.change("theme", theme),
    })),
  ];
}

/** The container that is open can become an image. */
function commits(): PaletteAction[] {
  const row =
    navigation.screen === "containers" && navigation.container !== null
      ? containers.row(navigation.container)
      : undefined;
  if (!row || row.running || status.readOnly) return [];
  return [
    {
      id: "commit",
      label: `Commit container ${row.name}…`,
      words: "make image of this",
      run: () => {
        dialogs.openCommit(row);
      },
    },
  ];
}

/** What can be looked at of the image that is open. */
const TABS: { tab: ImageTab; label: string; words: string }[] = [
  {
    tab: "layers",
    label: "Show the layers of this image",
    words: "explore core stack changed added removed",
  },
  { tab: "files", label: "Show the files of this image", words: "tree find search treemap size" },
  { tab: "compare", label: "Compare this image…", words: "diff difference other" },
  { tab: "waste", label: "Show what this image wastes", words: "efficiency dive analyze duplicate" },
];

const SCREENS: { screen: Screen; label: string; words: string; keys?: string }[] = [
  { screen: "images", label: "Go to images on this computer", words: "list home" },
  { screen: "containers", label: "Go to containers", words: "working commit edit" },
  { screen: "activity", label: "Go to activity", words: "operations progress running failed" },
  { screen: "disk", label: "Go to disk", words: "usage space journal history check store" },
  { screen: "settings", label: "Go to settings", words: "preferences options", keys: shortcutLabel(",") },
];

const THEMES = [
  { theme: "system", label: "Theme: as the system" },
  { theme: "light", label: "Theme: light" },
  { theme: "dark", label: "Theme: dark" },
] as const;
