import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import ConfirmDialog from "./ConfirmDialog.svelte";

test("an Enter too many does nothing that has no way back", async () => {
  const run = vi.fn(() => Promise.resolve());
  const closed = vi.fn();
  render(ConfirmDialog, {
    request: { title: "Remove container web", lines: ["It goes for good."], action: "Remove container", run },
    onclose: closed,
  });
  await waitFor(() => {
    expect(screen.getByRole("button", { name: "Cancel" })).toHaveFocus();
  });
  await userEvent.keyboard("{Enter}");
  expect(closed).toHaveBeenCalledOnce();
  expect(run).not.toHaveBeenCalled();
});

test("its button does it", async () => {
  const run = vi.fn(() => Promise.resolve());
  render(ConfirmDialog, { request: { title: "Remove", lines: [], action: "Remove container", run } });
  await userEvent.click(screen.getByRole("button", { name: "Remove container" }));
  expect(run).toHaveBeenCalledOnce();
});
