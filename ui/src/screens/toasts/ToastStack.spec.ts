import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { toasts } from "../../state/toasts.svelte";
import ToastStack from "./ToastStack.svelte";

beforeEach(() => {
  toasts.list = [];
});

describe("the notices", () => {
  it("are announced politely", async () => {
    render(ToastStack);
    toasts.show({ title: "Removed 3 images" });
    expect(await screen.findByText("Removed 3 images")).toBeVisible();
    expect(screen.getByRole("region", { name: "Notices" })).toHaveAttribute("aria-live", "polite");
  });

  it("go when what they offer is taken", async () => {
    const run = vi.fn();
    render(ToastStack);
    toasts.show({ title: "Removed 3 images", action: { label: "Undo", run } });
    await userEvent.click(await screen.findByRole("button", { name: "Undo" }));
    expect(run).toHaveBeenCalledOnce();
    expect(toasts.list).toEqual([]);
  });

  it("wait while the keyboard is in them", async () => {
    const paused = vi.spyOn(toasts, "pauseAll");
    const resumed = vi.spyOn(toasts, "resumeAll");
    render(ToastStack);
    toasts.show({ title: "Removed 3 images" });
    const dismiss = await screen.findByRole("button", { name: "Dismiss" });
    dismiss.focus();
    expect(paused).toHaveBeenCalled();
    dismiss.blur();
    expect(resumed).toHaveBeenCalled();
  });

  it("go on counting when one goes from under the pointer", async () => {
    const paused = vi.spyOn(toasts, "pauseAll");
    const resumed = vi.spyOn(toasts, "resumeAll");
    render(ToastStack);
    toasts.show({ title: "Removed 3 images", action: { label: "Undo", run: () => {} } });
    toasts.show({ title: "Copied" });
    const undo = await screen.findByRole("button", { name: "Undo" });
    await userEvent.hover(undo);
    expect(paused).toHaveBeenCalled();
    resumed.mockClear();
    toasts.list = toasts.list.slice(1);
    await waitFor(() => {
      expect(resumed).toHaveBeenCalled();
    });
  });
});
