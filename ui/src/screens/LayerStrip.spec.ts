import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { clearMocks } from "@tauri-apps/api/mocks";
import { layers as known } from "../state/layers.svelte";
import { layeredDetail } from "../test/files";
import BlobBars from "./activity/BlobBars.svelte";
import LayerStrip from "./LayerStrip.svelte";

const layers = [
  { diffId: "sha256:aaaaaaaa", size: 95e6 },
  { diffId: "sha256:bbbbbbbb", size: 1 },
];

afterEach(clearMocks);

test("every layer is a named button, and one of them is a stop of Tab", async () => {
  const opened: string[] = [];
  render(LayerStrip, { layers, onopen: (diffId: string) => opened.push(diffId) });
  const first = screen.getByRole("button", { name: "Layer 1 of 2, 95 MB" });
  const second = screen.getByRole("button", { name: "Layer 2 of 2, 1 B" });
  await userEvent.tab();
  expect(first).toHaveFocus();
  await userEvent.keyboard("{ArrowRight}");
  expect(second).toHaveFocus();
  await userEvent.click(second);
  expect(opened).toEqual(["sha256:bbbbbbbb"]);
});

test("of an image that is not here a layer says in how many that are", () => {
  known.take(layeredDetail());
  const { diffId } = layeredDetail().layers[0] ?? { diffId: "" };
  render(LayerStrip, { layers: [{ diffId, size: 1 }] });
  expect(screen.getByRole("button", { name: /In 2 images on this computer/ })).toBeInTheDocument();
  known.forget();
});

test("the layer under the pointer lights up in every strip", async () => {
  render(LayerStrip, { layers });
  render(LayerStrip, { layers: layers.slice(0, 1) });
  const same = screen.getAllByRole("button", { name: /95 MB/ });
  await userEvent.hover(same[0]!);
  for (const segment of same) expect(segment).toHaveClass("lit");
  expect(screen.getByRole("button", { name: /1 B/ })).not.toHaveClass("lit");
});

test("many layers share the width instead of running over what is beside them", () => {
  const many = Array.from({ length: 60 }, (_, number) => ({ diffId: `sha256:${String(number)}`, size: 1 }));
  render(LayerStrip, { layers: many });
  render(BlobBars, {
    bars: many.map(({ diffId, size }) => ({ digest: diffId, diffId, size, current: 0 })),
    label: "Pulled",
  });
  expect(screen.getByRole("toolbar", { name: "60 layers" })).toHaveClass("fine");
  expect(screen.getByRole("img", { name: "Pulled" })).toHaveClass("fine");
});

test("few layers keep a least width", () => {
  render(LayerStrip, { layers });
  expect(screen.getByRole("toolbar")).not.toHaveClass("fine");
});
