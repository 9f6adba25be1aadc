import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { operations } from "../../state/operations.svelte";
import { fakeEngine } from "../../test/engine";
import SaveDialog from "./SaveDialog.svelte";

const IMAGE = { target: "sha256:t", names: ["team/app:1"] };

it("saves where the system dialog says, in the format that was chosen", async () => {
  const engine = fakeEngine({
    image: () => ({ indexPlatforms: [] }),
    choose_archive_place: () => ({ token: "p1", name: "app.tar.zst" }),
    save: () => ({ images: 1, writtenBytes: 5 }),
  });
  render(SaveDialog, { images: [IMAGE] });
  await userEvent.click(screen.getByRole("radio", { name: "zstd" }));
  expect(screen.getByText("strata save --compress zstd -o team-app-1.tar.zst team/app:1")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Choose a place…" }));
  await waitFor(() => {
    expect(engine.asked("save")).toMatchObject([
      { token: "p1", images: ["team/app:1"], format: "docker", compression: "zstd", platforms: [] },
    ]);
  });
  expect(engine.asked("choose_archive_place")).toMatchObject([{ suggested: "team-app-1.tar.zst" }]);
});

it("stays open when the system dialog is closed", async () => {
  operations.all = [];
  fakeEngine({ image: () => ({ indexPlatforms: [] }), choose_archive_place: () => null });
  render(SaveDialog, { images: [IMAGE] });
  await userEvent.click(screen.getByRole("button", { name: "Choose a place…" }));
  await waitFor(() => {
    expect(screen.getByRole("button", { name: "Choose a place…" })).toBeEnabled();
  });
  expect(screen.getByRole("dialog")).toBeVisible();
  expect(operations.all).toEqual([]);
});

it("offers the platforms that are here, where there are several", async () => {
  const at = (platform: string, changes = {}) => ({
    platform,
    digest: `sha256:${platform}`,
    present: true,
    attestation: false,
    ...changes,
  });
  const engine = fakeEngine({
    image: () => ({
      indexPlatforms: [
        at("linux/amd64"),
        at("linux/arm64"),
        at("linux/s390x", { present: false }),
        at("unknown/unknown", { attestation: true }),
      ],
    }),
    choose_archive_place: () => ({ token: "p1", name: "app.tar" }),
    save: () => ({ images: 1, writtenBytes: 5 }),
  });
  render(SaveDialog, { images: [IMAGE] });
  const amd = await screen.findByRole("checkbox", { name: "linux/amd64" });
  expect(screen.getAllByRole("checkbox")).toHaveLength(2);
  await userEvent.click(amd);
  expect(screen.getByText(/strata save --platform linux\/arm64 -o/)).toBeVisible();
  await userEvent.click(screen.getByRole("checkbox", { name: "linux/arm64" }));
  expect(screen.getByRole("button", { name: "Choose a place…" })).toBeDisabled();
  await userEvent.click(amd);
  await userEvent.click(screen.getByRole("button", { name: "Choose a place…" }));
  await waitFor(() => {
    expect(engine.asked("save")).toMatchObject([{ platforms: ["linux/amd64"] }]);
  });
});
