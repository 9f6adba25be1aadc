import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { settings } from "../../state/settings.svelte";
import { status } from "../../state/status.svelte";
import { fakeEngine, refuse, storedSettings, storeStatus } from "../../test/engine";
import SettingsScreen from "./SettingsScreen.svelte";

const stored = { settings: () => storedSettings(), store_status: () => storeStatus(), logins: () => [] };
const save = { save_settings: ({ settings: next }: Record<string, unknown>) => next };

beforeEach(() => {
  settings.value = null;
  settings.error = null;
  settings.failedKey = null;
  status.value = null;
});

describe("the settings", () => {
  it("save a theme at once, by keyboard", async () => {
    const engine = fakeEngine({ ...stored, ...save });
    render(SettingsScreen);
    await userEvent.click(await screen.findByRole("radio", { name: "Dark" }));
    expect(engine.asked("save_settings")).toEqual([{ settings: storedSettings({ theme: "dark" }) }]);
    expect(settings.theme).toBe("dark");
  });

  it("open another store folder that a system dialog gave", async () => {
    let root = "/home/kate/.local/share/strata";
    const engine = fakeEngine({
      ...stored,
      store_status: () => storeStatus({ root }),
      choose_store_place: () => "/data/images",
      save_settings: ({ settings: next }) => {
        root = "/data/images";
        return next;
      },
    });
    render(SettingsScreen);
    await userEvent.click(await screen.findByRole("button", { name: "Choose folder…" }));
    expect(await screen.findByText("/data/images")).toBeVisible();
    expect(engine.asked("save_settings")).toEqual([
      { settings: storedSettings({ storePlace: "/data/images" }) },
    ]);
  });

  it("change nothing when the system dialog is closed", async () => {
    const engine = fakeEngine({ ...stored, choose_store_place: () => null });
    render(SettingsScreen);
    await userEvent.click(await screen.findByRole("button", { name: "Choose folder…" }));
    expect(engine.asked("save_settings")).toEqual([]);
  });

  it("leave the folder alone when the command line has decided it", async () => {
    fakeEngine({ ...stored, store_status: () => storeStatus({ rootFrom: "argument" }) });
    render(SettingsScreen);
    expect(await screen.findByText(/Given with --store/)).toBeVisible();
    expect(screen.getByRole("button", { name: "Choose folder…" })).toBeDisabled();
  });

  it("add and remove registries, and keep a refused one in the field", async () => {
    const engine = fakeEngine({
      ...stored,
      save_settings: ({ settings: next }) => {
        const hosts = (next as { insecureRegistries: string[] }).insecureRegistries;
        if (hosts.includes("a/b")) refuse("usage", "“a/b” is not a registry.");
        return next;
      },
    });
    render(SettingsScreen);
    const field = await screen.findByRole("textbox", { name: "Registry" });
    await userEvent.type(field, "registry.lab:5000{Enter}");
    await userEvent.click(await screen.findByRole("button", { name: "Remove registry.lab:5000" }));
    await waitFor(() => {
      expect(engine.asked("save_settings").at(-1)).toEqual({ settings: storedSettings() });
    });
    await userEvent.type(field, "a/b{Enter}");
    expect(await screen.findByRole("alert")).toHaveTextContent("“a/b” is not a registry.");
    expect(field).toHaveValue("a/b");
  });

  it("say that the store can only be read", async () => {
    fakeEngine({ ...stored, store_status: () => storeStatus({ readOnly: true }) });
    render(SettingsScreen);
    expect(await screen.findByText(/can only be read/)).toBeVisible();
  });

  it("offer another try when they cannot be read", async () => {
    let tries = 0;
    fakeEngine({
      ...stored,
      settings: () => {
        tries += 1;
        return tries === 1 ? refuse("io", "The settings file cannot be read.") : storedSettings();
      },
    });
    render(SettingsScreen);
    await userEvent.click(await screen.findByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("radio", { name: "System" })).toBeChecked();
  });
});
