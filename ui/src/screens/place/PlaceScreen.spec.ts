import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { places } from "../../state/places.svelte";
import { fakeEngine, imageRow, place, refuse } from "../../test/engine";
import PlaceScreen from "./PlaceScreen.svelte";

const state = { kind: "Docker", version: "20.10.24", address: "unix:///run/docker.sock", images: 1 };
const row = imageRow("app", { target: "sha256:aaaa", id: "sha256:aaaa", inUse: ["web"] });
const page = { total: 1, totalAll: 1, totalSize: 0, rows: [row] };
const answers = { place_state: () => state, place_images: () => page };

beforeEach(() => {
  dialogs.close();
  places.list = [place("docker", { title: "Docker" })];
  navigation.placeImage = null;
  navigation.placeTab = "images";
});

describe("an engine", () => {
  it("shows its images, and nothing that only the store knows", async () => {
    const engine = fakeEngine(answers);
    render(PlaceScreen, { place: "docker", pane: true });
    const card = await screen.findByRole("gridcell");
    expect(card).toHaveTextContent("app");
    expect(card).toHaveTextContent("1 in use");
    expect(card).not.toHaveTextContent("only here");
    expect(await screen.findByText("Docker 20.10.24, 1 image")).toBeVisible();
    expect(engine.asked("place_images")[0]).toMatchObject({ place: "docker" });
  });

  it("says why it cannot be used, and asks again", async () => {
    let refusals = 0;
    fakeEngine({
      place_state: () =>
        refusals++ === 0 ? refuse("unreachable", "Nothing listens there.", "Start it.") : state,
      place_images: () => page,
    });
    render(PlaceScreen, { place: "docker", pane: true });
    expect(await screen.findByRole("alert")).toHaveTextContent("Start it.");
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("gridcell")).toBeVisible();
  });

  it("opens the copy to this computer from the menu", async () => {
    fakeEngine(answers);
    render(PlaceScreen, { place: "docker", pane: true });
    await userEvent.pointer({ keys: "[MouseRight]", target: await screen.findByRole("gridcell") });
    await userEvent.click(await screen.findByRole("menuitem", { name: "Copy to this computer…" }));
    expect(dialogs.current).toEqual({
      kind: "copy",
      image: { from: "docker", image: "sha256:aaaa", id: "sha256:aaaa", names: ["app"], to: null },
    });
  });

  it("is walked, selected and sorted by the keyboard like this computer's images", async () => {
    const rows = ["app", "base", "cache"].map((name) =>
      imageRow(name, { target: `sha256:${name}`, id: `sha256:${name}` }),
    );
    const engine = fakeEngine({ ...answers, place_images: () => ({ ...page, total: 3, totalAll: 3, rows }) });
    render(PlaceScreen, { place: "docker", pane: true });
    (await screen.findAllByRole("gridcell"))[0]!.focus();
    await userEvent.keyboard("{ArrowDown}");
    await waitFor(() => {
      expect(screen.getAllByRole("gridcell")[1]).toHaveFocus();
    });
    await userEvent.keyboard("{Enter}");
    expect(navigation.placeImage).toBe("sha256:base");
    navigation.placeImage = null;
    await userEvent.keyboard("{Shift>}{ArrowDown}{/Shift}");
    expect(await screen.findByText("2 selected")).toBeVisible();
    await userEvent.keyboard("{Delete}");
    expect(dialogs.current).toMatchObject({
      kind: "plan",
      request: {
        place: "docker",
        selections: [
          { kind: "image", value: "sha256:base" },
          { kind: "image", value: "sha256:cache" },
        ],
      },
    });
    await userEvent.click(screen.getByRole("button", { name: "Table" }));
    await userEvent.click(screen.getByRole("button", { name: "Name" }));
    await waitFor(() => {
      expect(engine.asked("place_images").at(-1)).toMatchObject({
        query: { sort: "name", descending: false },
      });
    });
  });

  it("gives its filter the caret, and not this computer's", async () => {
    fakeEngine(answers);
    navigation.screen = "place";
    render(PlaceScreen, { place: "docker", pane: true });
    navigation.focusFilter();
    await waitFor(() => {
      expect(screen.getByRole("textbox", { name: "Filter images" })).toHaveFocus();
    });
    expect(navigation.screen).toBe("place");
  });

  it("is pruned after a plan of its own", async () => {
    fakeEngine(answers);
    render(PlaceScreen, { place: "docker", pane: true });
    await screen.findByText("Docker 20.10.24, 1 image");
    await userEvent.click(screen.getByRole("button", { name: "Prune…" }));
    expect(dialogs.current).toEqual({ kind: "plan", request: { kind: "prune", place: "docker" } });
  });

  it("lists its containers, to be committed", async () => {
    fakeEngine({
      ...answers,
      place_containers: () => [
        {
          id: "c1",
          name: "web",
          image: "app:1",
          command: "serve",
          created: null,
          running: true,
          status: "Up 3 minutes",
        },
      ],
    });
    render(PlaceScreen, { place: "docker", pane: true });
    await userEvent.click(await screen.findByRole("radio", { name: "Containers" }));
    await userEvent.click(await screen.findByRole("button", { name: "Commit web" }));
    await waitFor(() => {
      expect(dialogs.current).toMatchObject({
        kind: "place commit",
        container: { place: "docker", id: "c1" },
      });
    });
  });
});
