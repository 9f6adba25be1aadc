import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { ImageAddress } from "../../api";
import { navigation } from "../../state/navigation.svelte";
import { comparison, fileDifference, filesPage } from "../../test/comparison";
import { fakeEngine, held, refuse, report } from "../../test/engine";
import ComparePanel from "./ComparePanel.svelte";

const nothing = { complete_reference: () => [], compared_files: () => filesPage([]) };
const field = (): HTMLElement => screen.getByRole("combobox", { name: "Compare with" });
const button = (name: string): HTMLElement => screen.getByRole("button", { name });
let number = 0;
/** Another image each time: a comparison stays with its image. */
const props = (): { own: ImageAddress; name: string } => ({
  own: { kind: "here", value: `sha256:${++number}`, label: null },
  name: "app:1",
});

beforeEach(() => {
  navigation.compareWith = null;
});

describe("the comparison", () => {
  it("compares with a name of this computer when Enter says so", async () => {
    const engine = fakeEngine({ ...nothing, compare: () => comparison() });
    const given = props();
    render(ComparePanel, { props: given });
    expect(screen.getByText("Nothing to compare with yet")).toBeVisible();
    expect(button("Compare")).toBeDisabled();
    await userEvent.type(field(), "app:2{Enter}");
    const first = await screen.findByRole("group", { name: "First: app:1" });
    expect(first).toHaveTextContent("1 shared layer, 40 MB");
    expect(first).toHaveTextContent("1 of its own, 5 MB");
    expect(screen.getByRole("group", { name: "Second: app:2" })).toHaveTextContent("none of its own");
    expect(engine.asked("compare")[0]).toMatchObject({
      a: { kind: "here", value: given.own.value },
      b: { kind: "here", value: "app:2" },
    });
    expect(screen.getByRole("radio", { name: "Packages 2" })).toBeChecked();
    expect(screen.getByText("5.1 → 5.2")).toBeVisible();
  });

  it("begins at once where another image was chosen already, and looks the other way on demand", async () => {
    const engine = fakeEngine({ ...nothing, compare: () => comparison() });
    navigation.compareWith = { kind: "here", name: "app:3" };
    const given = props();
    render(ComparePanel, { props: given });
    await screen.findByRole("group", { name: "Second: app:3" });
    await userEvent.click(button("Swap"));
    await screen.findByRole("group", { name: "First: app:3" });
    expect(engine.asked("compare")[1]).toMatchObject({
      a: { value: "app:3" },
      b: { value: given.own.value },
    });
  });

  it("offers the registry where this computer has no such image", async () => {
    const engine = fakeEngine({
      ...nothing,
      compare: (args) =>
        (args["b"] as { kind: string }).kind === "here"
          ? refuse("not_found", "There is no image app:9 here.")
          : comparison(),
    });
    render(ComparePanel, { props: props() });
    await userEvent.type(field(), "app:9{Enter}");
    expect(await screen.findByRole("alert")).toHaveTextContent("There is no image app:9 here.");
    await userEvent.click(button("Look in the registry"));
    expect(await screen.findByRole("group", { name: "Second: app:9" })).toBeVisible();
    expect(engine.asked("compare")[1]).toMatchObject({ b: { kind: "registry", value: "app:9" } });
  });

  it("compares with an archive that was chosen in a dialog", async () => {
    const engine = fakeEngine({
      ...nothing,
      choose_archives: () => [{ token: "t-1", name: "app.tar" }],
      plan_load: () => ({ images: [{ names: [], label: null }] }),
      compare: () => comparison(),
    });
    render(ComparePanel, { props: props() });
    await userEvent.click(screen.getByRole("radio", { name: "Archive" }));
    await userEvent.click(button("Choose a file…"));
    expect(await screen.findByRole("group", { name: "Second: app.tar" })).toBeVisible();
    expect(engine.asked("compare")[0]).toMatchObject({ b: { kind: "file", value: "t-1" } });
  });

  it("asks which image of an archive with several is meant", async () => {
    const engine = fakeEngine({
      ...nothing,
      choose_archives: () => [{ token: "t-1", name: "both.tar" }],
      plan_load: () => ({
        images: [
          { names: [{ familiar: "app:1" }], label: null },
          { names: [], label: "next" },
        ],
      }),
      compare: () => comparison(),
    });
    render(ComparePanel, { props: props() });
    await userEvent.click(screen.getByRole("radio", { name: "Archive" }));
    await userEvent.click(button("Choose a file…"));
    expect(await screen.findByText("app:1", { selector: ".value" })).toBeVisible();
    expect(engine.asked("compare")).toEqual([]);
    await userEvent.click(button("Compare"));
    expect(await screen.findByRole("group", { name: "Second: app:1" })).toBeVisible();
    expect(engine.asked("compare")[0]).toMatchObject({ b: { kind: "file", value: "t-1", label: "app:1" } });
  });

  it("can be cancelled, and says nothing then", async () => {
    const running = held<unknown>();
    const engine = fakeEngine({ ...nothing, compare: () => running.promise, cancel: () => null });
    render(ComparePanel, { props: props() });
    await userEvent.type(field(), "app:2{Enter}");
    await userEvent.click(await screen.findByRole("button", { name: "Cancel" }));
    expect(engine.asked("cancel")[0]?.["operation"]).toBe(engine.asked("compare")[0]?.["operation"]);
    running.fail({ code: "cancelled", message: "Cancelled.", hint: null });
    expect(await screen.findByRole("button", { name: "Compare" })).toBeEnabled();
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("tells how many bytes of layers that are not here were read", async () => {
    const running = held<unknown>();
    const engine = fakeEngine({ ...nothing, compare: () => running.promise });
    render(ComparePanel, { props: props() });
    await userEvent.click(screen.getByRole("radio", { name: "Registry" }));
    await userEvent.type(field(), "registry.example/app:2{Enter}");
    await screen.findByRole("button", { name: "Cancel" });
    const asked = engine.asked("compare")[0];
    report(asked, { kind: "resolved", name: "", blobs: [], downloadBytes: 40e6, totalBytes: 90e6 });
    report(asked, { kind: "progress", blobs: [], fetchedBytes: 10e6, bytesPerSecond: 0, secondsLeft: null });
    expect(await screen.findByText("10 of 40 MB")).toBeVisible();
    expect(screen.getByRole("progressbar", { name: "Layers that are read" })).toHaveAttribute(
      "aria-valuenow",
      "25",
    );
    running.settle(comparison());
    await screen.findByRole("group", { name: "Second: registry.example/app:2" });
    expect(screen.queryByRole("progressbar")).toBeNull();
  });

  it("says so where nothing differs", async () => {
    const same = { config: [], packages: [], files: 0 };
    fakeEngine({ ...nothing, compare: () => comparison(same) });
    render(ComparePanel, { props: props() });
    await userEvent.type(field(), "app:2{Enter}");
    expect(await screen.findByText("No difference")).toBeVisible();
  });

  it("goes from the files to a text and back to where the list was", async () => {
    const rows = [
      fileDifference("/etc/motd", { file: 7 }),
      fileDifference("/etc/ev\u202eil", { file: 8, change: "added", sizeA: null, sizeB: 3000 }),
    ];
    const engine = fakeEngine({
      ...nothing,
      compare: () => comparison({ packages: [] }),
      compared_files: () => filesPage(rows),
      compare_text: () => ({
        notText: false,
        truncated: false,
        hunks: [
          [
            { change: null, numberA: 1, numberB: 1, text: "same" },
            { change: "removed", numberA: 2, numberB: null, text: "old" },
            { change: "added", numberA: null, numberB: 2, text: "new \u202e" },
          ],
        ],
      }),
    });
    render(ComparePanel, { props: props() });
    await userEvent.type(field(), "app:2{Enter}");
    const evil = await screen.findByRole("button", { name: /added.*ev\\u\{202e\}il.*3 kB.*\+3 kB/ });
    screen.getByRole("button", { name: /etc\/motd/ }).focus();
    await userEvent.keyboard("{ArrowDown}");
    await waitFor(() => {
      expect(evil).toHaveFocus();
    });
    await userEvent.keyboard("{ArrowUp}{Enter}");
    const lines = await screen.findByRole("region", { name: "Lines that differ" });
    expect(engine.asked("compare_text")).toEqual([{ comparison: "comparison-1", file: 7 }]);
    const [, removed, added] = within(lines).getAllByRole("row").slice(1);
    expect(removed).toHaveTextContent(/2\s*\u2212\s*old/);
    expect(added).toHaveTextContent("new \\u{202e}");
    await userEvent.keyboard("{Escape}");
    expect(await screen.findByRole("button", { name: /etc\/motd/ })).toBeVisible();
  });
});
