import { api, type DiskUsage } from "../api";
import { Latest } from "./latest.svelte";

/** Adding up goes through every file of the store's folder, so several changes in a row are one. */
const PAUSE_MS = 400;

/** What the store's folder takes: one answer for the sidebar and for the screen that takes it apart. */
class Disk {
  readonly usage = new Latest<DiskUsage>();

  /** Adds up now. */
  refresh(): void {
    this.usage.ask(() => api.diskUsage());
  }

  /** Adds up as soon as nothing has changed for a moment. */
  changed(): void {
    this.usage.ask(() => api.diskUsage(), PAUSE_MS);
  }
}

export const disk = new Disk();
