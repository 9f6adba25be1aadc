import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { operations } from "../../state/operations.svelte";
import { fakeEngine, held, refuse } from "../../test/engine";
import ActivityScreen from "./ActivityScreen.svelte";

const outcome = {
  reference: "docker.io/library/data:v3",
  target: "sha256:t",
  images: ["sha256:t"],
  moved: [],
  fetchedBytes: 41e6,
  reusedBytes: 139e6,
  upToDate: false,
  foreign: false,
};

beforeEach(() => {
  operations.all = [];
  operations.interrupted = [];
});

describe("the activity screen", () => {
  it("says that nothing runs, and offers to begin", () => {
    render(ActivityScreen);
    expect(screen.getByRole("heading", { name: "Nothing is running" })).toBeVisible();
    expect(screen.getByRole("button", { name: "Pull image" })).toBeVisible();
  });

  it("keeps a failure with its reason, what to do, and Retry", async () => {
    let tries = 0;
    fakeEngine({
      pull: () => {
        tries += 1;
        return tries === 1
          ? refuse("disk_full", "The disk is full.", "Free 135 MB, then retry.")
          : held().promise;
      },
    });
    operations.pull("data:v3", "linux/arm64");
    render(ActivityScreen);
    const card = await screen.findByRole("article", { name: "Failed data:v3" });
    expect(within(card).getByRole("heading")).toHaveTextContent(/^data:v3 was not pulled/);
    expect(operations.attention).toBe("1 failed");
    expect(card).toHaveTextContent("The disk is full.");
    expect(card).toHaveTextContent("Free 135 MB, then retry.");
    await userEvent.click(screen.getByRole("button", { name: "Retry" }));
    expect(await screen.findByRole("article", { name: "Pulling data:v3" })).toHaveTextContent("linux/arm64");
  });

  it("leads from a finished pull to its image", async () => {
    const opened = vi.fn();
    fakeEngine({ pull: () => outcome });
    operations.pull("data:v3", null);
    render(ActivityScreen, { onopenimage: opened });
    expect(await screen.findByText("41 MB fetched, 139 MB were here already.")).toBeVisible();
    expect(screen.getByRole("heading", { name: "Pulled data:v3" })).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Show image" }));
    expect(opened).toHaveBeenCalledWith("sha256:t");
  });

  it("offers what a crash cut off: resume or dismiss", async () => {
    const engine = fakeEngine({ pull: () => held().promise, dismiss_interrupted: () => null });
    operations.interrupted = [
      { id: "a", reference: "model:2025", platform: null, doneBytes: 1.2e9, totalBytes: 4.6e9 },
      { id: "b", reference: "golang:1.26", platform: null, doneBytes: 62e6, totalBytes: null },
    ];
    render(ActivityScreen);
    expect(screen.getByText(/1.2 of 4.6 GB are here/)).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Dismiss golang:1.26" }));
    await waitFor(() => {
      expect(screen.queryByText("golang:1.26")).toBeNull();
    });
    expect(engine.asked("dismiss_interrupted")).toEqual([{ id: "b" }]);
    await userEvent.click(screen.getByRole("button", { name: "Resume model:2025" }));
    expect(engine.asked("pull")).toMatchObject([{ reference: "model:2025" }]);
    expect(screen.getByRole("article", { name: "Pulling model:2025" })).toBeVisible();
  });

  it("clears what has ended and leaves what runs", async () => {
    fakeEngine({ pull: ({ reference }) => (reference === "a" ? outcome : held().promise) });
    operations.pull("a", null);
    operations.pull("b", null);
    render(ActivityScreen);
    await screen.findByRole("article", { name: "Pulled a" });
    await userEvent.click(screen.getByRole("button", { name: "Clear ended" }));
    expect(screen.queryByRole("article", { name: "Pulled a" })).toBeNull();
    expect(screen.getByRole("article", { name: "Pulling b" })).toBeVisible();
  });
});
