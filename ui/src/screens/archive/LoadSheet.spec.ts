import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { LoadPlan } from "../../api";
import { operations } from "../../state/operations.svelte";
import { fakeEngine, held } from "../../test/engine";
import LoadSheet from "./LoadSheet.svelte";

const FILE = { token: "t1", name: "app.tar" };

function plan(change: Partial<LoadPlan> = {}): LoadPlan {
  return {
    kind: "Docker archive",
    importable: false,
    compression: "gzip",
    images: [
      {
        id: "sha256:aaaaaaaaaaaa1",
        names: [
          {
            familiar: "app:1",
            from: { target: "sha256:t", id: "sha256:bbbbbbbbbbbb2", created: null },
            same: false,
          },
        ],
        label: null,
        platforms: ["linux/amd64"],
        created: null,
        layers: 3,
        size: 41e6,
        strip: [
          { diffId: "sha256:d1", size: 30e6 },
          { diffId: "sha256:d2", size: 11e6 },
        ],
        blobs: [
          { digest: "sha256:base", size: 30e6, present: false },
          { digest: "sha256:app", size: 11e6, present: false },
        ],
        present: false,
      },
      {
        id: "sha256:cccccccccccc3",
        names: [{ familiar: "other:2", from: null, same: false }],
        label: null,
        platforms: ["linux/amd64"],
        created: null,
        layers: 1,
        size: 1e6,
        strip: [{ diffId: "sha256:d1", size: 1e6 }],
        blobs: [{ digest: "sha256:other", size: 1e6, present: true }],
        present: true,
      },
    ],
    incomplete: [],
    ...change,
  };
}

function free(): null {
  return null;
}

const LOADED = { images: ["sha256:t"], moved: [], fetchedBytes: 1, reusedBytes: 0 };

beforeEach(() => {
  operations.all = [];
});

describe("the load sheet", () => {
  it("says what the file is, what is inside and which name moves", async () => {
    fakeEngine({ plan_load: () => plan() });
    render(LoadSheet, { files: [FILE] });
    expect(await screen.findByText("Docker archive")).toBeVisible();
    expect(screen.getByText("gzip")).toBeVisible();
    expect(screen.getByText(/app:1 exists: it moves here from bbbbbbbbbbbb/)).toBeVisible();
    expect(screen.getByText("here already")).toBeVisible();
    expect(screen.getByRole("button", { name: "Load 2 images, 41 MB" })).toBeEnabled();
  });

  it("stops the reading of a file that nobody waits for any more", async () => {
    const late = held<unknown>();
    const engine = fakeEngine({ plan_load: () => late.promise, cancel: () => null });
    const { unmount } = render(LoadSheet, { files: [FILE] });
    await waitFor(() => {
      expect(engine.asked("plan_load")).toHaveLength(1);
    });
    expect(engine.asked("cancel")).toEqual([]);
    unmount();
    const { operation } = engine.asked("plan_load")[0] as { operation: string };
    expect(engine.asked("cancel")).toEqual([{ operation }]);
  });

  it("shows a file's name without what reorders it", async () => {
    fakeEngine({ plan_load: () => plan() });
    render(LoadSheet, { files: [{ ...FILE, name: "evil\u202egpj.tar" }] });
    expect(await screen.findByRole("dialog", { name: "evil\\u{202e}gpj.tar" })).toBeVisible();
  });

  it("loads what was chosen, under the names that were written", async () => {
    const engine = fakeEngine({ plan_load: () => plan(), load: () => LOADED, name_holder: free });
    render(LoadSheet, { files: [FILE] });
    await userEvent.click(await screen.findByRole("checkbox", { name: "other:2" }));
    const names = screen.getByRole("textbox", { name: "Names of aaaaaaaaaaaa" });
    expect(names).toHaveValue("app:1");
    await userEvent.clear(names);
    await userEvent.type(names, "mine:1 mine:2");
    const button = screen.getByRole("button", { name: /^Load 1 image/ });
    await waitFor(() => {
      expect(engine.asked("name_holder").at(-1)).toEqual({ place: null, name: "mine:2" });
      expect(button).not.toHaveAttribute("aria-busy");
    });
    expect(screen.queryByText(/moves here/)).toBeNull();
    await userEvent.click(button);
    await waitFor(() => {
      expect(engine.asked("load")).toMatchObject([
        { token: "t1", chosen: [{ id: "sha256:aaaaaaaaaaaa1", names: ["mine:1", "mine:2"] }] },
      ]);
    });
    expect(operations.all[0]).toMatchObject({ kind: "load", subject: "app.tar" });
  });

  it("moves no name unseen: what is written is looked up before Enter loads", async () => {
    const late = held<unknown>();
    const engine = fakeEngine({
      plan_load: () => plan(),
      load: () => LOADED,
      name_holder: () => late.promise,
    });
    render(LoadSheet, { files: [FILE] });
    const names = await screen.findByRole("textbox", { name: "Names of aaaaaaaaaaaa" });
    await userEvent.clear(names);
    await userEvent.type(names, "web:1{Enter}");
    expect(engine.asked("load")).toEqual([]);
    await waitFor(() => {
      expect(engine.asked("name_holder").at(-1)).toEqual({ place: null, name: "web:1" });
    });
    late.settle({ target: "sha256:t", id: "sha256:dddddddddddd4", created: null });
    expect(await screen.findByText(/web:1 exists: it moves here from dddddddddddd/)).toBeVisible();
    await userEvent.type(names, "{Enter}");
    await waitFor(() => {
      expect(engine.asked("load")).toHaveLength(1);
    });
  });

  it("counts a layer once that several images and files have, and none that is here", async () => {
    const [first, other] = plan().images;
    const again = { ...other!, present: false, blobs: [...first!.blobs, ...other!.blobs] };
    fakeEngine({ plan_load: () => plan({ images: [first!, again] }) });
    render(LoadSheet, { files: [FILE, { token: "t2", name: "again.tar" }] });
    expect(await screen.findByRole("button", { name: "Load 4 images, 41 MB" })).toBeEnabled();
  });

  it("finds its way among many images: a filter, all and none", async () => {
    const [first] = plan().images;
    const images = Array.from({ length: 40 }, (_, index) => ({
      ...first!,
      id: `sha256:${String(index)}`,
      names: [{ familiar: `app${String(index)}:1`, from: null, same: false }],
    }));
    fakeEngine({ plan_load: () => plan({ images }) });
    render(LoadSheet, { files: [FILE] });
    await userEvent.click(await screen.findByRole("button", { name: "None" }));
    expect(screen.getByRole("button", { name: "Nothing to load" })).toBeDisabled();
    await userEvent.type(screen.getByRole("textbox", { name: /^Filter the images/ }), "app3");
    expect(screen.getAllByRole("checkbox")).toHaveLength(11);
    await userEvent.click(screen.getByRole("button", { name: "All" }));
    expect(screen.getByRole("button", { name: /^Load 11 images/ })).toBeEnabled();
  });

  it("makes an image of a root file system", async () => {
    const engine = fakeEngine({
      plan_load: () => plan({ importable: true, kind: "Root file system", images: [] }),
      import: () => LOADED,
      name_holder: free,
    });
    render(LoadSheet, { files: [FILE] });
    await userEvent.type(await screen.findByRole("textbox", { name: "Name" }), "team/root:1");
    await userEvent.type(screen.getByRole("textbox", { name: "Message" }), "from the lab");
    const button = screen.getByRole("button", { name: "Import 1 image" });
    await waitFor(() => {
      expect(engine.asked("name_holder").at(-1)).toEqual({ place: null, name: "team/root:1" });
      expect(button).not.toHaveAttribute("aria-busy");
    });
    await userEvent.click(button);
    await waitFor(() => {
      expect(engine.asked("import")).toMatchObject([
        { token: "t1", name: "team/root:1", message: "from the lab", changes: [] },
      ]);
    });
  });

  it("says why a file is none, and offers nothing", async () => {
    fakeEngine({
      plan_load: () => {
        throw { code: "invalid_archive", message: "It is a PDF.", hint: "Choose another file." };
      },
    });
    render(LoadSheet, { files: [FILE] });
    expect(await screen.findByText("It is a PDF.")).toBeVisible();
    expect(screen.getByRole("button", { name: "Nothing to load" })).toBeDisabled();
  });
});
