import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { ImageQuery } from "../../api";
import { dialogs } from "../../state/dialogs.svelte";
import { images } from "../../state/images.svelte";
import { navigation } from "../../state/navigation.svelte";
import { fakeEngine, imageRow } from "../../test/engine";
import ImagesScreen from "./ImagesScreen.svelte";

const ROWS = Array.from({ length: 138 }, (_, index) => imageRow(`app${String(index)}`));

function answer(args: Record<string, unknown>): unknown {
  const { filter, offset, limit } = args["query"] as ImageQuery;
  const taken = ROWS.filter((row) => (row.names[0]?.familiar ?? "").includes(filter));
  return {
    total: taken.length,
    totalAll: ROWS.length,
    totalSize: 5e9,
    rows: taken.slice(offset, offset + limit),
  };
}

beforeEach(async () => {
  dialogs.close();
  navigation.image = null;
  fakeEngine({ images: answer });
  images.selection.replace([]);
  images.selection.place(0);
  await images.ask({ filter: "" });
});

async function card(name: string): Promise<HTMLElement> {
  const text = await screen.findByText(name, { selector: ".name" });
  return text.closest<HTMLElement>("[role=gridcell]")!;
}

describe("the images of this computer", () => {
  it("saves all that are selected, also those that were never on screen", async () => {
    render(ImagesScreen);
    (await card("app0")).focus();
    await userEvent.keyboard("{Control>}a{/Control}");
    const bar = await screen.findByRole("group", { name: "Selected images" });
    expect(bar).toHaveTextContent("138 selected");
    await userEvent.click(within(bar).getByRole("button", { name: "Save…" }));
    await waitFor(() => {
      expect(dialogs.current).toMatchObject({ kind: "save" });
    });
    const current = dialogs.current as unknown as { images: unknown[] };
    expect(current.images).toHaveLength(138);
    await userEvent.click(within(bar).getByRole("button", { name: "Clear" }));
    expect(screen.queryByRole("group", { name: "Selected images" })).toBeNull();
  });

  it("lets go of what the filter hides, and says how many are shown", async () => {
    render(ImagesScreen);
    (await card("app0")).focus();
    await userEvent.keyboard("{Control>}a{/Control}");
    await screen.findByText("138 selected");
    await userEvent.type(screen.getByRole("textbox", { name: "Filter images" }), "app13");
    expect(await screen.findByText("9 of 138 images")).toBeVisible();
    expect(await screen.findByText("9 selected")).toBeVisible();
  });

  it("stays within reach of the keyboard when the list becomes shorter", async () => {
    render(ImagesScreen);
    images.selection.place(120);
    await images.ask({ filter: "app77" });
    const only = await card("app77");
    expect(only).toHaveAttribute("tabindex", "0");
    only.focus();
    await userEvent.keyboard("{Enter}");
    expect(navigation.image).toBe("sha256:target-of-app77");
  });

  it("acts on the card that has the focus, wherever the cursor was", async () => {
    render(ImagesScreen);
    images.selection.place(5);
    (await card("app0")).focus();
    await userEvent.keyboard("{Delete}");
    expect(dialogs.current).toMatchObject({
      kind: "plan",
      request: { selections: [{ kind: "image", value: "sha256:target-of-app0" }] },
    });
  });
});
