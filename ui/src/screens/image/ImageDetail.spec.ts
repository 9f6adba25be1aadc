import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import type { ImageRow } from "../../api";
import { dialogs } from "../../state/dialogs.svelte";
import { images } from "../../state/images.svelte";
import { navigation } from "../../state/navigation.svelte";
import { fakeEngine, held, imageRow, refuse } from "../../test/engine";
import { layeredDetail } from "../../test/files";
import ImageDetail from "./ImageDetail.svelte";

const OLD = imageRow("old");
const NEW = imageRow("new");

function detail(row: ImageRow): unknown {
  return { ...layeredDetail(), row };
}

beforeEach(() => {
  dialogs.close();
  navigation.tab = "overview";
});

it("never shows one image under the buttons of another", async () => {
  const late = held<unknown>();
  fakeEngine({
    images: () => ({ total: 2, totalAll: 2, totalSize: 0, rows: [OLD, NEW] }),
    image: ({ target }) => (target === OLD.target ? detail(OLD) : late.promise),
  });
  await images.refresh();
  const props = { changes: 0, pane: true, target: OLD.target };
  const { rerender } = render(ImageDetail, { props });
  expect(await screen.findByRole("heading", { name: "old" })).toBeVisible();
  await rerender({ ...props, target: NEW.target });
  expect(screen.getByRole("heading", { name: "new" })).toBeVisible();
  expect(screen.queryByText("old")).toBeNull();
  expect(screen.getByRole("status", { name: "Reading the image" })).toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Remove" }));
  expect(dialogs.current).toMatchObject({ request: { selections: [{ value: NEW.target }] } });
  late.settle(detail(NEW));
  await waitFor(() => {
    expect(screen.queryByRole("status", { name: "Reading the image" })).toBeNull();
  });
});

it("can be closed before anything is known of the image", async () => {
  fakeEngine({
    images: () => ({ total: 0, totalAll: 0, totalSize: 0, rows: [] }),
    image: () => held<unknown>().promise,
  });
  await images.refresh();
  navigation.image = OLD.target;
  render(ImageDetail, { props: { changes: 0, pane: false, target: OLD.target } });
  await userEvent.click(screen.getByRole("button", { name: "Close" }));
  expect(navigation.image).toBeNull();
});

it("asks for the documents once more where they could not be read", async () => {
  let refusals = 0;
  fakeEngine({
    image: () => detail(OLD),
    image_documents: () =>
      refusals++ === 0
        ? refuse("damaged", "A blob is missing.")
        : [{ kind: "config", mediaType: "application/json", text: '{"a":1,"a":2}', size: 13 }],
  });
  navigation.tab = "json";
  render(ImageDetail, { props: { changes: 0, pane: true, target: OLD.target } });
  await userEvent.click(await screen.findByRole("button", { name: "Try again" }));
  expect(await screen.findByText(/application\/json/)).toBeVisible();
});
