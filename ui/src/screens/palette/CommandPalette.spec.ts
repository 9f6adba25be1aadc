import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { containers } from "../../state/containers.svelte";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { operations } from "../../state/operations.svelte";
import { containerRow } from "../../test/containers";
import { fakeEngine, imageRow, refuse } from "../../test/engine";
import CommandPalette from "./CommandPalette.svelte";

const destinations = { go: vi.fn(), openImage: vi.fn() };
const images = { images: () => ({ total: 1, totalAll: 9, totalSize: 0, rows: [imageRow("redis:8")] }) };

async function open(): Promise<HTMLElement> {
  render(CommandPalette, { destinations });
  const field = screen.getByRole("combobox");
  await waitFor(() => {
    expect(field).toHaveFocus();
  });
  return field;
}

beforeEach(() => {
  vi.clearAllMocks();
  operations.all = [];
  dialogs.close();
});

describe("the command palette", () => {
  it("runs the best action on Enter", async () => {
    fakeEngine(images);
    await open();
    await userEvent.keyboard("disk{Enter}");
    await waitFor(() => {
      expect(destinations.go).toHaveBeenCalledWith("disk");
    });
  });

  it("moves the choice with the arrow keys and around the end", async () => {
    fakeEngine(images);
    await open();
    expect(screen.getByRole("option", { selected: true })).toHaveTextContent("Pull image");
    await userEvent.keyboard("{ArrowUp}");
    expect(screen.getByRole("option", { selected: true })).toHaveTextContent("Theme: dark");
    await userEvent.keyboard("{ArrowDown}{ArrowDown}");
    expect(screen.getByRole("option", { selected: true })).toHaveTextContent("Open archives");
  });

  it("finds images by name through the engine and opens one", async () => {
    const engine = fakeEngine(images);
    await open();
    await userEvent.keyboard("redi");
    expect(await screen.findByRole("option", { name: /redis:8/, selected: true })).toBeVisible();
    await userEvent.keyboard("{Enter}");
    await waitFor(() => {
      expect(destinations.openImage).toHaveBeenCalled();
    });
    expect(destinations.openImage).toHaveBeenCalledWith("sha256:target-of-redis:8");
    expect(engine.asked("images").at(-1)).toMatchObject({ query: { filter: "redi", limit: 30 } });
  });

  it("takes a verb before the name", async () => {
    const engine = fakeEngine(images);
    await open();
    await userEvent.keyboard("remove redis");
    await screen.findByRole("option", { name: /^Remove redis:8/, selected: true });
    await userEvent.keyboard("{Enter}");
    await expect
      .poll(() => dialogs.current)
      .toMatchObject({
        kind: "plan",
        request: { selections: [{ kind: "image", value: "sha256:target-of-redis:8" }] },
      });
    expect(engine.asked("images").at(-1)).toMatchObject({ query: { filter: "redis" } });
  });

  it("waits with Enter until the last letter is answered", async () => {
    fakeEngine({
      images: ({ query }) => {
        const { filter } = query as { filter: string };
        return {
          total: 1,
          totalAll: 9,
          totalSize: 0,
          rows: [imageRow(filter === "re" ? "redmine" : "redis")],
        };
      },
    });
    await open();
    await userEvent.keyboard("re");
    await screen.findByRole("option", { name: /redmine/ });
    await userEvent.keyboard("dis{Enter}");
    await waitFor(() => {
      expect(destinations.openImage).toHaveBeenCalledWith("sha256:target-of-redis");
    });
  });

  it("offers to pull what is not here", async () => {
    fakeEngine({ images: () => ({ total: 0, totalAll: 9, totalSize: 0, rows: [] }) });
    await open();
    await userEvent.keyboard("ghcr.io/acme/tool:2{Enter}");
    await expect.poll(() => dialogs.current).toEqual({ kind: "pull", reference: "ghcr.io/acme/tool:2" });
  });

  it("keeps its actions when the engine refuses the question", async () => {
    fakeEngine({ images: () => refuse("usage", "“size>” needs a size.") });
    await open();
    await userEvent.keyboard("pull");
    expect(await screen.findByText("Images: “size>” needs a size.")).toBeVisible();
    expect(screen.getByRole("option", { name: /Pull image/ })).toBeVisible();
  });
});

describe("with an image open", () => {
  it("shows what is inside it", async () => {
    fakeEngine(images);
    navigation.openImage("sha256:t");
    await open();
    await userEvent.keyboard("wastes{Enter}");
    await waitFor(() => {
      expect(navigation.tab).toBe("waste");
    });
    navigation.closeImage();
  });

  it("offers no page of an image on another screen, but what can be done there", async () => {
    fakeEngine(images);
    navigation.openImage("sha256:t");
    containers.rows = [containerRow({ id: "c1", name: "web" })];
    navigation.openContainer("c1");
    await open();
    await userEvent.keyboard("th");
    expect(screen.queryByRole("option", { name: /of this image/ })).toBeNull();
    await userEvent.clear(screen.getByRole("combobox"));
    await userEvent.keyboard("commit{Enter}");
    await waitFor(() => {
      expect(dialogs.current?.kind).toBe("commit");
    });
    containers.rows = [];
    navigation.closeContainer();
    navigation.closeImage();
    navigation.go("images");
  });
});
