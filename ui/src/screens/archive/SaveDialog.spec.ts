import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { operations } from "../../state/operations.svelte";
import { fakeEngine } from "../../test/engine";
import SaveDialog from "./SaveDialog.svelte";

const IMAGE = { target: "sha256:t", names: ["team/app:1"] };

it("saves where the system dialog says, in the format that was chosen", async () => {
  const engine = fakeEngine({
    choose_archive_place: () => ({ token: "p1", name: "app.tar.zst" }),
    save: () => ({ images: 1, writtenBytes: 5 }),
  });
  render(SaveDialog, { images: [IMAGE] });
  await userEvent.click(screen.getByRole("radio", { name: "zstd" }));
  expect(screen.getByText("strata save --compress zstd -o team-app-1.tar.zst team/app:1")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Choose a place…" }));
  await waitFor(() => {
    expect(engine.asked("save")).toMatchObject([
      { token: "p1", images: ["team/app:1"], format: "docker", compression: "zstd" },
    ]);
  });
  expect(engine.asked("choose_archive_place")).toMatchObject([{ suggested: "team-app-1.tar.zst" }]);
});

it("stays open when the system dialog is closed", async () => {
  operations.all = [];
  fakeEngine({ choose_archive_place: () => null });
  render(SaveDialog, { images: [IMAGE] });
  await userEvent.click(screen.getByRole("button", { name: "Choose a place…" }));
  await waitFor(() => {
    expect(screen.getByRole("button", { name: "Choose a place…" })).toBeEnabled();
  });
  expect(screen.getByRole("dialog")).toBeVisible();
  expect(operations.all).toEqual([]);
});
