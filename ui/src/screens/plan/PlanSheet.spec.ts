import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { places } from "../../state/places.svelte";
import { toasts } from "../../state/toasts.svelte";
import { fakeEngine, place, refuse, removalPlan } from "../../test/engine";
import PlanSheet from "./PlanSheet.svelte";

const removal = { kind: "removal" as const, selections: [{ kind: "name" as const, value: "data:v1" }] };
const removed = { untagged: ["data:v1"], deleted: ["sha256:aaaa"], freedBytes: 88e6, undoable: true };

beforeEach(() => {
  toasts.list = [];
});

describe("the plan sheet", () => {
  it("says exactly what goes, what stays and what comes back", async () => {
    fakeEngine({
      plan_removal: () =>
        removalPlan({
          untaggedOnly: [{ name: "nginx:1", target: "sha256:cccc" }],
          blocked: [
            {
              name: "postgres:17",
              reason: "Container db uses it.",
              unblock: "Remove the container first.",
              code: "conflict",
            },
          ],
        }),
    });
    render(PlanSheet, { request: removal });
    expect(
      await screen.findByRole("button", { name: "Remove 1 image and 1 name, free 88 MB" }),
    ).toBeEnabled();
    expect(screen.getByText("data:v1")).toBeVisible();
    // Not cut: it is about just this name.
    expect(screen.getByText("nginx:1").closest(".chip")).toHaveClass("whole");
    expect(screen.getByText(/399 MB stay, because other images need them/)).toBeVisible();
    expect(screen.getByText("Container db uses it.")).toBeVisible();
    expect(screen.getByText("Remove the container first.")).toBeVisible();
  });

  it("executes that plan on Enter, then offers undo", async () => {
    const change = { number: 1, time: "2026-01-02T03:04:05Z" };
    const closed = vi.fn();
    const engine = fakeEngine({
      plan_removal: () => removalPlan(),
      execute_plan: () => removed,
      undoable: () => ({ change, operation: "rmi", names: ["data:v1"] }),
      undo: () => ({ change, moves: [{ name: "data:v1", from: null, to: "sha256:aaaa" }] }),
    });
    render(PlanSheet, { request: removal, onclose: closed });
    const button = await screen.findByRole("button", { name: "Remove 1 image, free 88 MB" });
    await waitFor(() => {
      expect(button).toHaveFocus();
    });
    await userEvent.keyboard("{Enter}");
    await waitFor(() => {
      expect(closed).toHaveBeenCalledOnce();
    });
    expect(engine.asked("execute_plan")).toEqual([{ planId: "plan-1" }]);
    expect(toasts.list[0]).toMatchObject({
      title: "Removed data:v1, frees 88 MB",
      action: { label: "Undo" },
    });
    toasts.list[0]?.action?.run();
    await waitFor(() => {
      expect(toasts.list.at(-1)?.title).toBe("data:v1 is back");
    });
  });

  it("gives the focus to Cancel where there is no undo", async () => {
    fakeEngine({
      plan_place_removal: () => ({ plan: removalPlan(), containers: [], countsBytes: true }),
    });
    render(PlanSheet, { request: { ...removal, place: "docker" } });
    await screen.findByRole("button", { name: "Remove 1 image, free 88 MB" });
    await waitFor(() => {
      expect(screen.getByRole("button", { name: "Cancel" })).toHaveFocus();
    });
  });

  it("removes nothing with Escape", async () => {
    const closed = vi.fn();
    const engine = fakeEngine({ plan_removal: () => removalPlan() });
    render(PlanSheet, { request: removal, onclose: closed });
    await screen.findByRole("button", { name: /^Remove 1 image/ });
    await userEvent.keyboard("{Escape}");
    expect(closed).toHaveBeenCalled();
    expect(engine.asked("execute_plan")).toEqual([]);
  });

  it("plans anew and says so when the images have changed", async () => {
    let plans = 0;
    fakeEngine({
      plan_removal: () => removalPlan({ planId: `plan-${String(++plans)}`, freedBytes: plans * 1e6 }),
      execute_plan: () => refuse("plan_stale", "The images have changed."),
    });
    render(PlanSheet, { request: removal });
    await userEvent.click(await screen.findByRole("button", { name: "Remove 1 image, free 1 MB" }));
    expect(await screen.findByText(/images changed while this was open/)).toBeVisible();
    expect(await screen.findByRole("button", { name: "Remove 1 image, free 2 MB" })).toBeEnabled();
  });

  it("keeps the sheet open when the removal is refused", async () => {
    const closed = vi.fn();
    fakeEngine({
      plan_removal: () => removalPlan(),
      execute_plan: () =>
        refuse("read_only", "The store can only be read.", "Choose another folder in the settings."),
    });
    render(PlanSheet, { request: removal, onclose: closed });
    await userEvent.click(await screen.findByRole("button", { name: /^Remove 1 image/ }));
    expect(await screen.findByRole("alert")).toHaveTextContent("Choose another folder in the settings.");
    expect(closed).not.toHaveBeenCalled();
  });

  it("offers force where force would help, and plans with it", async () => {
    const engine = fakeEngine({
      plan_removal: ({ force }) =>
        force
          ? removalPlan()
          : removalPlan({
              deleted: [],
              freedBytes: 0,
              blocked: [
                { name: "3b3f", reason: "It has two names.", unblock: "Use force.", code: "conflict" },
              ],
            }),
    });
    render(PlanSheet, { request: removal });
    expect(await screen.findByRole("button", { name: "Nothing to remove" })).toBeDisabled();
    await userEvent.click(screen.getByRole("checkbox", { name: "Force" }));
    expect(await screen.findByRole("button", { name: /^Remove 1 image/ })).toBeEnabled();
    expect(engine.asked("plan_removal").map(({ force }) => force)).toEqual([false, true]);
  });

  it("prunes more when asked to, and says when there is nothing", async () => {
    fakeEngine({
      plan_prune: ({ all }) =>
        all ? removalPlan() : removalPlan({ deleted: [], untagged: [], freedBytes: 0 }),
    });
    render(PlanSheet, { request: { kind: "prune" } });
    expect(await screen.findByText(/Nothing to prune/)).toBeVisible();
    await userEvent.click(screen.getByRole("checkbox", { name: "Also images that have a name" }));
    expect(await screen.findByRole("button", { name: "Remove 1 image, free 88 MB" })).toBeEnabled();
  });

  it("prunes an engine by the engine's own rules, and without a way back", async () => {
    places.list = [place("lab", { title: "Lab" })];
    const plan = (deleted: boolean): unknown => ({
      plan: deleted ? removalPlan() : removalPlan({ deleted: [], untagged: [], freedBytes: 0 }),
      containers: [],
      countsBytes: true,
    });
    const engine = fakeEngine({
      plan_place_prune: ({ all }) => plan(all as boolean),
      execute_place_plan: () => ({ untagged: [], deleted: ["sha256:a"], freedBytes: 88e6, undoable: false }),
      place_state: () => ({ kind: "Docker", version: "1", address: "", images: 0 }),
    });
    render(PlanSheet, { request: { kind: "prune", place: "lab" } });
    expect(await screen.findByText(/Nothing to prune/)).toBeVisible();
    expect(screen.getByRole("dialog", { name: "Prune Lab" })).toBeVisible();
    await userEvent.click(screen.getByRole("checkbox", { name: "Also images that have a name" }));
    const button = await screen.findByRole("button", { name: "Remove 1 image, free 88 MB" });
    expect(screen.getByText(/Lab has no undo/)).toBeVisible();
    await userEvent.click(button);
    await waitFor(() => {
      expect(engine.asked("execute_place_plan")).toHaveLength(1);
    });
    expect(engine.asked("plan_place_prune").at(-1)).toEqual({ place: "lab", all: true });
  });
});
