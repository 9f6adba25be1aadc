import { render, screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { fakeEngine, held, refuse, storeStatus } from "../../test/engine";
import DiskScreen from "./DiskScreen.svelte";

const usage = {
  images: 12,
  imagesSize: 1_400e6,
  layers: 24,
  layersSize: 1_400e6,
  layersShared: 460e6,
  containers: 0,
  containersSize: 0,
  indexesSize: 6e6,
  partialSize: 212e6,
  totalSize: 1_936e6,
  unpackedSize: 0,
  prunable: 230e6,
  keptSize: 300e6,
};
const entries = [
  {
    time: "2026-01-02T00:00:00Z",
    name: "data:latest",
    from: "sha256:aaaaaaaaaaaa1",
    to: "sha256:bbbbbbbbbbbb1",
    operation: "tag",
  },
  { time: "2026-01-01T00:00:00Z", name: "redis:7", from: "sha256:cccccccccccc1", to: null, operation: "rmi" },
];
const none = { images: [], moreImages: 0, layers: [], moreLayers: 0, saved: 0 };
const whole = {
  disk_usage: () => usage,
  disk_sharing: () => none,
  journal: () => entries,
  store_status: () => storeStatus(),
};

beforeEach(() => {
  dialogs.close();
});

describe("the disk screen", () => {
  it("adds up to what the folder takes", async () => {
    fakeEngine(whole);
    render(DiskScreen);
    const numbers = await screen.findByRole("region", { name: "Disk use" });
    expect(within(numbers).getAllByText("1.94 GB")).toHaveLength(2);
    expect(numbers).toHaveTextContent("230 MB to prune");
    expect(numbers).toHaveTextContent(/Images, shared.*460 MB/);
    expect(numbers).toHaveTextContent(/Kept for undo.*300 MB/);
  });

  it("opens the plan of a prune, and prunes nothing itself", async () => {
    const engine = fakeEngine(whole);
    render(DiskScreen);
    await userEvent.click(screen.getByRole("button", { name: "Prune…" }));
    expect(dialogs.current).toEqual({ kind: "plan", request: { kind: "prune" } });
    expect(engine.asked("execute_plan")).toEqual([]);
  });

  it("tells what each name was before, and narrows to one name", async () => {
    const engine = fakeEngine(whole);
    render(DiskScreen);
    const row = (await screen.findByRole("button", { name: "data:latest" })).closest("tr");
    expect(row).toHaveTextContent(/aaaaaaaaaaaa\s*bbbbbbbbbbbb\s*tagged/);
    expect(screen.getByRole("row", { name: /redis:7/ })).toHaveTextContent("gone");
    await userEvent.click(screen.getByRole("button", { name: "data:latest" }));
    await screen.findByDisplayValue("data:latest");
    await expect.poll(() => engine.asked("journal").at(-1)).toEqual({ name: "data:latest" });
  });

  it("checks the store and says that all is well", async () => {
    const engine = fakeEngine({
      ...whole,
      check_store: () => ({ problems: [], blobs: 31, readBytes: 1.4e9 }),
    });
    render(DiskScreen);
    await userEvent.click(screen.getByRole("checkbox", { name: "Read every byte" }));
    await userEvent.click(screen.getByRole("button", { name: "Check the store" }));
    expect(await screen.findByText(/All is well: 31 blobs looked at, 1.4 GB read/)).toBeVisible();
    expect(engine.asked("check_store")).toMatchObject([{ readData: true }]);
  });

  it("lists what is wrong with the images that it touches", async () => {
    const problem = {
      kind: "blob_content",
      digest: "sha256:aa",
      path: "blobs/sha256/aa",
      images: ["python:3.11"],
      repairable: true,
    };
    fakeEngine({ ...whole, check_store: () => ({ problems: [problem], blobs: 31, readBytes: 0 }) });
    render(DiskScreen);
    await userEvent.click(screen.getByRole("button", { name: "Check the store" }));
    expect(await screen.findByText("1 problem. Nothing was changed.")).toBeVisible();
    expect(screen.getByText(/holds other bytes than its digest says/)).toBeVisible();
    expect(screen.getByText("python:3.11")).toBeVisible();
  });

  it("cancels a check", async () => {
    const running = held();
    const engine = fakeEngine({ ...whole, check_store: () => running.promise, cancel: () => null });
    render(DiskScreen);
    await userEvent.click(screen.getByRole("button", { name: "Check the store" }));
    await userEvent.click(await screen.findByRole("button", { name: "Cancel the check" }));
    expect(engine.asked("cancel")[0]?.["operation"]).toBe(engine.asked("check_store")[0]?.["operation"]);
    running.fail({ code: "cancelled", message: "Cancelled.", hint: null });
    expect(await screen.findByRole("button", { name: "Check the store" })).toBeEnabled();
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("says why the numbers are missing and keeps the rest", async () => {
    fakeEngine({ ...whole, disk_usage: () => refuse("io", "The folder cannot be read.") });
    render(DiskScreen);
    expect(await screen.findByRole("alert")).toHaveTextContent("The folder cannot be read.");
    expect(await screen.findByRole("button", { name: "data:latest" })).toBeVisible();
  });
});
