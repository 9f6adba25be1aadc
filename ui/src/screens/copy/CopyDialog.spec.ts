import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { operations } from "../../state/operations.svelte";
import { places } from "../../state/places.svelte";
import { status } from "../../state/status.svelte";
import { fakeEngine, held, place, refuse } from "../../test/engine";
import CopyDialog from "./CopyDialog.svelte";

const free = (): null => null;
const field = (): HTMLElement => screen.getByRole("textbox", { name: "Name there" });

beforeEach(() => {
  operations.all = [];
  status.value = null;
  places.list = [place("docker"), place("podman")];
});

describe("the copy dialog", () => {
  it("copies an engine's image to this computer under a new name", async () => {
    const engine = fakeEngine({ name_holder: free, copy: () => held().promise });
    render(CopyDialog, {
      image: { from: "docker", image: "sha256:a", id: "sha256:a", names: ["app:1"], to: null },
    });
    expect(await screen.findByText("The name is free there")).toBeVisible();
    await userEvent.clear(field());
    await userEvent.type(field(), "mine/app:2");
    expect(screen.getByText("strata copy --src-engine docker docker-daemon:app:1 mine/app:2")).toBeVisible();
    await userEvent.keyboard("{Enter}");
    expect(engine.asked("copy")).toMatchObject([
      {
        from: { place: "docker", image: "sha256:a" },
        to: { place: null, image: "mine/app:2" },
        keepNames: false,
      },
    ]);
  });

  it("asks the engine that it comes from again where the copy failed", async () => {
    const engine = fakeEngine({
      name_holder: free,
      copy: () => refuse("unreachable", "The engine went away."),
      place_state: () => refuse("unreachable", "Nobody listens."),
    });
    render(CopyDialog, {
      image: { from: "docker", image: "sha256:a", id: "sha256:a", names: ["app:1"], to: null },
    });
    await screen.findByText("The name is free there");
    await userEvent.click(screen.getByRole("button", { name: "Copy" }));
    await waitFor(() => {
      expect(places.asked("docker")?.error?.code).toBe("unreachable");
    });
    expect(engine.asked("place_state")).toHaveLength(1);
  });

  it("says which image would lose the name, and can refuse that", async () => {
    const engine = fakeEngine({
      name_holder: () => ({ target: "sha256:f", id: "sha256:ffffffffffffffff", created: null }),
      copy: () => held().promise,
    });
    render(CopyDialog, {
      image: { from: null, image: "sha256:a", id: "sha256:id", names: ["app:1"], to: "docker" },
    });
    expect(await screen.findByText(/exists there: it moves from ffffffffffff/)).toBeVisible();
    await userEvent.click(screen.getByRole("checkbox", { name: "Refuse rather than move the name" }));
    await userEvent.click(screen.getByRole("button", { name: "Copy" }));
    await waitFor(() => {
      expect(engine.asked("copy")).toMatchObject([{ to: { place: "docker" }, keepNames: true }]);
    });
  });

  it("knows the same image there, and a name that is none", async () => {
    fakeEngine({
      name_holder: ({ name }) =>
        name === "app:1"
          ? { target: "sha256:id", id: "sha256:id", created: null }
          : refuse("bad_reference", "It has upper-case letters."),
    });
    render(CopyDialog, {
      image: { from: null, image: "sha256:a", id: "sha256:id", names: ["app:1"], to: "docker" },
    });
    expect(await screen.findByText("app:1 names this image there already")).toBeVisible();
    await userEvent.clear(field());
    await userEvent.type(field(), "App:1");
    expect(await screen.findByText("It has upper-case letters.")).toBeVisible();
    expect(screen.getByRole("button", { name: "Copy" })).toBeDisabled();
  });

  it("offers a registry and a file where there is no other place, and nothing that would do nothing", async () => {
    places.list = [];
    const engine = fakeEngine({});
    render(CopyDialog, { image: { from: null, image: "sha256:a", id: "sha256:id", names: ["app:1"] } });
    expect(screen.queryByRole("button", { name: "Copy" })).toBeNull();
    expect(screen.queryByRole("textbox")).toBeNull();
    expect(engine.asked("name_holder")).toEqual([]);
    await userEvent.click(screen.getByRole("button", { name: "To a file…" }));
    expect(dialogs.current).toMatchObject({ kind: "save" });
    await userEvent.click(screen.getByRole("button", { name: "To a registry…" }));
    expect(dialogs.current).toMatchObject({ kind: "push" });
  });
});
