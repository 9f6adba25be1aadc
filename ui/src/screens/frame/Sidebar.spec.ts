import { render, screen } from "@testing-library/svelte";
import { expect, it } from "vitest";
import { disk } from "../../state/disk.svelte";
import { fakeEngine } from "../../test/engine";
import DiskScreen from "../disk/DiskScreen.svelte";
import Sidebar from "./Sidebar.svelte";

const usage = {
  images: 1,
  imagesSize: 40e6,
  layers: 1,
  layersSize: 40e6,
  layersShared: 0,
  containers: 0,
  containersSize: 0,
  indexesSize: 2e6,
  partialSize: 0,
  totalSize: 43e6,
  unpackedSize: 0,
  prunable: 0,
  keptSize: 0,
};

it("says of the disk what the screen behind it says", async () => {
  fakeEngine({
    disk_usage: () => usage,
    disk_sharing: () => ({ images: [], moreImages: 0, layers: [], moreLayers: 0, saved: 0 }),
    journal: () => [],
    store_status: () => null,
  });
  render(Sidebar, { narrow: false, ontoggle: () => undefined });
  disk.refresh();
  expect(await screen.findByRole("button", { name: /Disk.*43 MB/ })).toBeVisible();
  render(DiskScreen);
  expect(await screen.findByRole("region", { name: "Disk use" })).toHaveTextContent("43 MB");
});
