import { clearMocks, mockIPC } from "@tauri-apps/api/mocks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Settings } from "../api";
import { settings } from "./settings.svelte";

const STORED: Settings = {
  storePlace: "/home/kate/.local/share/strata",
  parallelDownloads: 3,
  theme: "system",
  caFiles: [],
  insecureRegistries: [],
  registries: [],
  trustedRealms: [],
  notifications: true,
  author: "",
};

beforeEach(async () => {
  mockIPC(() => STORED);
  await settings.load();
});
afterEach(() => {
  clearMocks();
});

describe("settings", () => {
  it("save a change at once, whole", async () => {
    const saved: unknown[] = [];
    mockIPC((command, args) => {
      if (command !== "save_settings") return STORED;
      saved.push([command, args]);
      return (args as { settings: Settings }).settings;
    });
    await settings.change("theme", "dark");
    expect(settings.theme).toBe("dark");
    expect(saved).toEqual([["save_settings", { settings: { ...STORED, theme: "dark" } }]]);
  });

  it("show what was written beside them, as a registry that was signed in to", async () => {
    mockIPC((_command, args) => ({
      ...(args as { settings: Settings }).settings,
      registries: ["registry.lan:5000"],
    }));
    await settings.change("theme", "dark");
    expect(settings.value).toEqual({ ...STORED, theme: "dark", registries: ["registry.lan:5000"] });
  });

  it("take a change back that could not be saved, and say beside which field", async () => {
    mockIPC(() => {
      throw { code: "io", message: "The settings file cannot be written.", hint: null };
    });
    await settings.change("parallelDownloads", 6);
    expect(settings.value?.parallelDownloads).toBe(3);
    expect(settings.failedKey).toBe("parallelDownloads");
    expect(settings.error?.message).toBe("The settings file cannot be written.");
  });

  it("go back to what was saved when two changes fail one after the other", async () => {
    mockIPC(() => {
      throw { code: "io", message: "The settings file cannot be written.", hint: null };
    });
    await Promise.all([settings.change("parallelDownloads", 6), settings.change("parallelDownloads", 7)]);
    expect(settings.value?.parallelDownloads).toBe(3);
  });

  it("save in the order of the changes", async () => {
    const order: number[] = [];
    mockIPC((command, args) => {
      if (command !== "save_settings") return STORED;
      const { settings } = args as { settings: Settings };
      order.push(settings.parallelDownloads);
      return settings;
    });
    await Promise.all([settings.change("parallelDownloads", 4), settings.change("parallelDownloads", 5)]);
    expect(settings.value?.parallelDownloads).toBe(5);
    expect(order.at(-1)).toBe(5);
  });
});
