import type { Component } from "svelte";

/** One action of a menu. */
export interface MenuAction {
  kind?: "action";
  label: string;
  icon?: Component<{ size?: number | string; "aria-hidden"?: "true" }>;
  /** The keys that do the same, shown at the right. */
  keys?: string;
  danger?: boolean;
  disabled?: boolean;
  onselect: () => void;
}

/** A choice among several, of which one holds. */
export interface MenuChoice {
  kind: "choice";
  label: string;
  chosen: boolean;
  onselect: () => void;
}

/** A thin line, with a caption where one helps. */
export interface MenuDivider {
  kind: "divider";
  label?: string;
}

export type MenuEntry = MenuAction | MenuChoice | MenuDivider;
