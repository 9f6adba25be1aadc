import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { operations } from "../../state/operations.svelte";
import type { Operation } from "../../state/operation.svelte";
import { fakeEngine, held, refuse } from "../../test/engine";
import ActivityBar from "./ActivityBar.svelte";

function start(reference: string): Operation {
  const operation = operations.pull(reference, null);
  operation.apply({
    kind: "resolved",
    name: reference,
    blobs: [{ digest: "sha256:01", size: 575e6, present: false, partial: 0, diffId: "sha256:d1" }],
    downloadBytes: 575e6,
    totalBytes: 575e6,
  });
  operation.apply({
    kind: "progress",
    blobs: [{ digest: "sha256:01", current: 318e6 }],
    fetchedBytes: 318e6,
    bytesPerSecond: 96e6,
    secondsLeft: 3,
  });
  return operation;
}

beforeEach(() => {
  operations.all = [];
});

describe("the activity bar", () => {
  it("is not there while nothing runs", () => {
    render(ActivityBar);
    expect(screen.queryByRole("region")).toBeNull();
  });

  it("says what runs, how far it is, how fast and how long", () => {
    fakeEngine({ pull: () => held().promise });
    start("data:v3");
    render(ActivityBar);
    const bar = screen.getByRole("region", { name: "Running operations" });
    expect(bar).toHaveTextContent(/Pulling data:v3\s+318 of 575 MB\s+96 MB\/s\s+3 s left/);
    expect(screen.getByRole("progressbar", { name: "Pulling data:v3" })).toHaveAttribute(
      "aria-valuenow",
      "55",
    );
  });

  it("claims no end while nobody knows how much will come", () => {
    fakeEngine({ copy: () => held().promise });
    const operation = operations.copy(
      { place: "docker", image: "sha256:a" },
      { place: null, image: "app:1" },
      false,
    );
    operation.apply({ kind: "resolved", name: "app:1", blobs: [], downloadBytes: 0, totalBytes: 0 });
    render(ActivityBar);
    const bar = screen.getByRole("progressbar", { name: "Copying app:1" });
    expect(bar).not.toHaveAttribute("aria-valuenow");
    expect(bar).toHaveAttribute("aria-valuetext", "Reading");
  });

  it("cancels, and goes when the engine has answered", async () => {
    const running = held();
    const engine = fakeEngine({ pull: () => running.promise, cancel: () => null });
    const operation = start("data:v3");
    render(ActivityBar);
    await userEvent.click(screen.getByRole("button", { name: "Cancel pulling data:v3" }));
    expect(engine.asked("cancel")).toEqual([{ operation: operation.id }]);
    expect(screen.getByRole("region")).toHaveTextContent("Cancelling");
    running.fail({ code: "cancelled", message: "Cancelled.", hint: null });
    await waitFor(() => {
      expect(screen.queryByRole("region")).toBeNull();
    });
  });

  it("lets somebody cancel again when the wish did not arrive", async () => {
    fakeEngine({ pull: () => held().promise, cancel: () => refuse("io", "The shell did not answer.") });
    const operation = start("data:v3");
    render(ActivityBar);
    await userEvent.click(screen.getByRole("button", { name: "Cancel pulling data:v3" }));
    await waitFor(() => {
      expect(operation.cancelling).toBe(false);
    });
    expect(screen.getByRole("region")).toHaveTextContent("318 of 575 MB");
  });

  it("counts down a wait that the registry asked for", () => {
    fakeEngine({ pull: () => held().promise });
    const operation = start("data:v3");
    operation.apply({
      kind: "retrying",
      digest: "sha256:01",
      reason: "The registry asked to wait",
      delaySeconds: 12,
    });
    render(ActivityBar);
    expect(screen.getByText("The registry asked to wait, next try in 12 s")).toBeVisible();
  });

  it("folds several operations into one line and unfolds them", async () => {
    fakeEngine({ pull: () => held().promise });
    start("data:v3");
    start("redis:8");
    render(ActivityBar);
    const bar = screen.getByRole("region");
    expect(bar).toHaveTextContent(/2 operations\s+636 MB of 1.15 GB/);
    expect(within(bar).queryByRole("button", { name: /^Cancel/ })).toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "Unfold the operations" }));
    expect(within(bar).getAllByRole("button", { name: /^Cancel/ })).toHaveLength(2);
  });
});
