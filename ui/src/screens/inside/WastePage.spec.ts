import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import { navigation } from "../../state/navigation.svelte";
import { fakeEngine, refuse } from "../../test/engine";
import { layeredDetail, wasteOf } from "../../test/files";
import WastePage from "./WastePage.svelte";

beforeEach(() => {
  navigation.closeImage();
});

it("says how much is wasted, by whom, and what to do", async () => {
  fakeEngine({ waste: () => wasteOf() });
  render(WastePage, { detail: layeredDetail() });
  const score = await screen.findByRole("region", { name: "Score" });
  expect(score).toHaveTextContent(/91 %.*118 MB.*2 914 files.*12 %/s);
  expect(screen.getByText(/Layer 2 removes 44 MB of layer 1/)).toBeVisible();
  expect(screen.getByText(/COPY --chown/)).toBeVisible();
  expect(screen.getByText("44 MB of 95 MB lost")).toBeVisible();
  expect(screen.getByText("all in use")).toBeVisible();
});

it("goes to a wasted file in the tree of the layer that touched it last", async () => {
  fakeEngine({ waste: () => wasteOf() });
  render(WastePage, { detail: layeredDetail() });
  await userEvent.click(await screen.findByRole("button", { name: "/var/lib/apt/lists" }));
  expect(navigation.tab).toBe("layers");
  expect(navigation.file).toEqual({ path: "var/lib/apt/lists", layer: 2 });
});

it("says so where nothing is wasted, and why where it cannot tell", async () => {
  const none = { wastedBytes: 0, paths: 0, files: [], sources: [], efficiency: 1, wastedPercent: 0 };
  fakeEngine({ waste: () => wasteOf(none) });
  const { unmount } = render(WastePage, { detail: layeredDetail() });
  expect(await screen.findByText("No path is in more than one layer.")).toBeVisible();
  expect(screen.getByText("100 %")).toBeVisible();
  unmount();
  fakeEngine({ waste: () => refuse("corrupt_layer", "Layer 1 is damaged.") });
  render(WastePage, { detail: layeredDetail() });
  expect(await screen.findByRole("alert")).toHaveTextContent("Layer 1 is damaged.");
});
