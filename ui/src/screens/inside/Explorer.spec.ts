import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { carry } from "../../state/carry.svelte";
import { closers } from "../../state/closers";
import { explorers } from "../../state/explorer.svelte";
import { navigation } from "../../state/navigation.svelte";
import { operations } from "../../state/operations.svelte";
import { status } from "../../state/status.svelte";
import { fakeEngine, refuse, storeStatus, type FakeEngine } from "../../test/engine";
import { fakeOutline, layeredDetail, listedFile, mapNode, wasteOf } from "../../test/files";
import CoreSample from "./CoreSample.svelte";
import Explorer from "./Explorer.svelte";

const text = (words: string): Record<string, unknown> => ({
  kind: "text",
  text: words,
  base64: "",
  mediaType: null,
  size: words.length,
  shown: words.length,
});

function engine(handlers: Parameters<typeof fakeEngine>[0] = {}): FakeEngine {
  return fakeEngine({
    file_outline: fakeOutline(["etc/", "etc/app.conf", "srv/"]),
    file_facts: (args) => ({
      file: listedFile(args["path"] as string),
      touches: [
        { layer: 1, change: "added", size: 9 },
        { layer: 2, change: "changed", size: 11 },
      ],
      xattrs: [{ name: "user.note", value: "kept" }],
    }),
    file_content: () => text("listen = 8080\n"),
    search_files: () => ({
      total: 2,
      rows: [
        listedFile("usr/bin/python3", { layer: 2 }),
        listedFile("opt/python3.9", { layer: 2, change: "removed" }),
      ],
    }),
    waste: () => wasteOf(),
    file_treemap: () => [mapNode("", null, 30, true), mapNode("etc", 0, 30, true)],
    ...handlers,
  });
}

const layered = { detail: layeredDetail(), part: "layers" } as const;

beforeEach(() => {
  explorers.forget();
  navigation.layer = null;
  navigation.file = null;
  operations.all = [];
  status.value = null;
});

describe("the Layers tab", () => {
  it("begins with the newest layer, and shows another one when its piece of the core is clicked", async () => {
    const asked = engine();
    render(Explorer, layered);
    expect(await screen.findByRole("treeitem", { name: /^etc\s*folder/ })).toBeVisible();
    expect(asked.asked("file_outline")[0]).toMatchObject({ query: { view: { kind: "layer", layer: 2 } } });
    const core = screen.getByRole("list", { name: "Layers, newest first" });
    expect(core).toHaveTextContent(/203 MB.*Node for the dashboard.*Kate Smith.*ENV APP=data.*setting only/s);
    expect(core).toHaveTextContent(/RUN apt-get install.*95 MB.*shared with 1 image/s);
    await userEvent.click(within(core).getByRole("button", { name: /apt-get install/ }));
    await waitFor(() => {
      expect(asked.asked("file_outline").at(-1)).toMatchObject({
        query: { view: { kind: "layer", layer: 1 } },
      });
    });
  });

  it("opens at the layer that a strip was clicked at", async () => {
    navigation.layer = layered.detail.layers[0]?.diffId ?? null;
    const asked = engine();
    render(Explorer, layered);
    await screen.findByRole("treeitem", { name: /^etc\s*folder/ });
    expect(asked.asked("file_outline")[0]).toMatchObject({ query: { view: { layer: 1 } } });
    expect(navigation.layer).toBeNull();
  });

  it("shows the stack up to a layer, and of that only what changed", async () => {
    const asked = engine();
    render(Explorer, layered);
    await screen.findByRole("treeitem", { name: /^etc\s*folder/ });
    expect(screen.queryByRole("button", { name: "Changed only" })).toBeNull();
    await userEvent.click(screen.getByRole("radio", { name: "Up to here" }));
    await userEvent.click(await screen.findByRole("button", { name: "Changed only" }));
    await waitFor(() => {
      expect(asked.asked("file_outline").at(-1)).toMatchObject({
        query: { view: { kind: "upTo", layer: 2 }, changedOnly: true },
      });
    });
  });

  it("opens a file from the keyboard, with its colours, its facts and who touched it", async () => {
    const asked = engine();
    render(Explorer, layered);
    await screen.findByRole("treeitem", { name: /^etc\s*folder/ });
    screen.getByRole("tree").focus();
    await userEvent.keyboard("{ArrowRight}");
    await screen.findByRole("treeitem", { name: /^app.conf/ });
    await userEvent.keyboard("{ArrowDown}");
    const file = screen.getByRole("region", { name: "File" });
    await waitFor(() => {
      expect(file).toHaveTextContent("listen = 8080");
    });
    expect(file).toHaveTextContent(/\/etc\/app\.conf.*-rw-r--r--.*0:0/s);
    await userEvent.click(await within(file).findByRole("button", { name: /1\s*added, 9 B/ }));
    await waitFor(() => {
      expect(asked.asked("file_outline").at(-1)).toMatchObject({
        query: { view: { kind: "layer", layer: 1 } },
        reveal: "etc/app.conf",
      });
    });
    expect(file).toHaveTextContent("user.note");
  });

  it("finds files of all layers, says who touched them last, and shows one in its tree", async () => {
    const asked = engine();
    render(Explorer, layered);
    await userEvent.type(screen.getByRole("searchbox", { name: "Find in all layers" }), "python3*");
    const found = await screen.findByRole("option", { name: /\/usr\/bin\/python3\s*from\s*layer\s*2/ });
    expect(screen.getByRole("option", { name: /\/opt\/python3.9\s*removed by\s*layer\s*2/ })).toBeVisible();
    expect(asked.asked("search_files")).toHaveLength(1);
    await userEvent.keyboard("{ArrowDown}");
    expect(screen.getByRole("listbox", { name: "Files found" })).toHaveFocus();
    await userEvent.dblClick(found);
    await waitFor(() => {
      expect(asked.asked("file_outline").at(-1)).toMatchObject({ reveal: "usr/bin/python3" });
    });
    expect(screen.getByRole("searchbox")).toHaveValue("");
  });

  it("says when nothing is found, when a layer is damaged, and when there are no layers", async () => {
    const asked = engine({
      search_files: () => ({ total: 0, rows: [] }),
      file_outline: () => refuse("corrupt_layer", "Layer 2 is damaged.", "Pull it again."),
      waste: () => refuse("corrupt_layer", "Layer 2 is damaged."),
    });
    const { unmount } = render(Explorer, layered);
    expect(await screen.findByRole("alert")).toHaveTextContent(/Layer 2 is damaged.*Pull it again/s);
    // Once, until somebody asks again.
    expect(asked.asked("file_outline")).toHaveLength(1);
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    await waitFor(() => {
      expect(asked.asked("file_outline")).toHaveLength(2);
    });
    await userEvent.type(screen.getByRole("searchbox"), "nothing");
    expect(await screen.findByText(/No layer ever had a file like this/)).toBeVisible();
    unmount();
    render(Explorer, { detail: { ...layeredDetail(), layers: [], history: [] }, part: "layers" });
    expect(screen.getByRole("heading", { name: "No file layers" })).toBeVisible();
  });
});

it("closes the open file with Escape before anything else, and gives the keyboard back to the tree", async () => {
  engine();
  navigation.file = { path: "etc/app.conf", layer: null };
  render(Explorer, { detail: layeredDetail(), part: "files" });
  (await screen.findByRole("button", { name: "Close file" })).focus();
  expect(closers.closeLast()).toBe(true);
  await waitFor(() => {
    expect(screen.queryByRole("region", { name: "File" })).toBeNull();
  });
  expect(screen.getByRole("tree")).toHaveFocus();
  expect(closers.closeLast()).toBe(false);
});

async function drag(from: Element): Promise<void> {
  await fireEvent.mouseDown(from, { clientX: 40, clientY: 10 });
  carry.move(new MouseEvent("pointermove", { clientX: 43, clientY: 10, buttons: 1 }) as PointerEvent);
  carry.move(new MouseEvent("pointermove", { clientX: 52, clientY: 10, buttons: 1 }) as PointerEvent);
  carry.move(new MouseEvent("pointermove", { clientX: 90, clientY: 10, buttons: 1 }) as PointerEvent);
}

it("lets a line of the tree be dragged out of the window where the shell can", async () => {
  const asked = engine({ drag_file: () => null });
  status.value = storeStatus();
  render(Explorer, { detail: layeredDetail(), part: "files" });
  const line = await screen.findByRole("treeitem", { name: /^etc/ });
  await drag(line);
  expect(asked.asked("drag_file")).toMatchObject([
    { source: { target: "sha256:target-of-data", view: { kind: "merged" }, path: "etc" } },
  ]);
  status.value = storeStatus({ dragsOut: false });
  await drag(line);
  expect(asked.asked("drag_file")).toHaveLength(1);
});

it("lets what a search found be dragged out as its layer left it, unless it is gone", async () => {
  const asked = engine({ drag_file: () => null });
  status.value = storeStatus();
  render(Explorer, layered);
  await userEvent.type(screen.getByRole("searchbox", { name: "Find in all layers" }), "python3*");
  await drag(await screen.findByRole("option", { name: /python3\.9/ }));
  expect(asked.asked("drag_file")).toEqual([]);
  await drag(screen.getByRole("option", { name: /bin\/python3/ }));
  expect(asked.asked("drag_file")).toEqual([
    {
      source: { target: "sha256:target-of-data", view: { kind: "upTo", layer: 2 }, path: "usr/bin/python3" },
    },
  ]);
});

it("keeps the chosen layer in sight when an opened file takes the room of the core", async () => {
  engine();
  let resize: () => void = () => {};
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(heard: () => void) {
        resize = heard;
      }
      observe(): void {}
      disconnect(): void {}
    },
  );
  const into = vi.spyOn(Element.prototype, "scrollIntoView");
  const { unmount } = render(CoreSample, { detail: layeredDetail(), selected: 1, onselect: () => {} });
  into.mockClear();
  resize();
  expect(into.mock.instances).toEqual([screen.getByRole("button", { current: true })]);
  unmount();
  vi.unstubAllGlobals();
});

describe("the Files tab", () => {
  const merged = { detail: layeredDetail(), part: "files" } as const;

  it("shows what a container sees and whose it is, without the core", async () => {
    const asked = engine();
    render(Explorer, merged);
    expect(await screen.findByRole("treeitem", { name: /^etc\s*folder\s*11 B\s*0:0\s*1$/ })).toBeVisible();
    expect(asked.asked("file_outline")[0]).toMatchObject({ query: { view: { kind: "merged" } } });
    expect(screen.queryByRole("list", { name: "Layers, newest first" })).toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "Size" }));
    await waitFor(() => {
      expect(asked.asked("file_outline").at(-1)).toMatchObject({ query: { sort: "size" } });
    });
  });

  it("saves a file where the system dialog says", async () => {
    const asked = engine({
      choose_file_place: () => ({ token: "t1", name: "app.conf" }),
      save_file: () => ({ files: 1, writtenBytes: 11, notes: [] }),
    });
    navigation.file = { path: "etc/app.conf", layer: null };
    render(Explorer, merged);
    await userEvent.click(await screen.findByRole("button", { name: "Save as…" }));
    await waitFor(() => {
      expect(asked.asked("save_file")).toMatchObject([
        { token: "t1", target: "sha256:target-of-data", view: { kind: "merged" }, path: "etc/app.conf" },
      ]);
    });
    expect(asked.asked("choose_file_place")).toMatchObject([{ suggested: "app.conf", folder: false }]);
    expect(operations.all[0]?.subject).toBe("/etc/app.conf");
  });

  it("shows bytes as bytes and pictures as pictures, and text that lies as what it is", async () => {
    let answer: Record<string, unknown> = {
      ...text(""),
      kind: "binary",
      base64: btoa("\u007fELF"),
      size: 9e6,
      shown: 4,
    };
    engine({ file_content: () => answer });
    navigation.file = { path: "etc/app.conf", layer: null };
    const { unmount } = render(Explorer, merged);
    expect(await screen.findByText(/7f 45 4c 46/)).toBeVisible();
    expect(screen.getByText(/The first 4 B/)).toBeVisible();
    unmount();
    answer = { ...text(""), kind: "image", base64: "iVBORw==", mediaType: "image/png" };
    navigation.file = { path: "etc/app.conf", layer: null };
    const picture = render(Explorer, merged);
    expect(await screen.findByRole("img", { name: "Content of app.conf" })).toHaveAttribute(
      "src",
      "data:image/png;base64,iVBORw==",
    );
    picture.unmount();
    answer = text("<b>bold</b>\u202e");
    navigation.file = { path: "etc/app.conf", layer: null };
    render(Explorer, merged);
    expect(await screen.findByText("\\u{202e}")).toBeVisible();
    expect(document.querySelector("pre b")).toBeNull();
  });

  it("draws the map of a folder and goes into it", async () => {
    const asked = engine();
    render(Explorer, merged);
    await userEvent.click(screen.getByRole("button", { name: "Treemap" }));
    expect(await screen.findByRole("listbox", { name: /^Map of \/, 30 B/ })).toBeVisible();
    expect(asked.asked("file_treemap")[0]).toMatchObject({ view: { kind: "merged" }, folder: "" });
    expect(screen.getByRole("navigation", { name: "Folder of the map" })).toHaveTextContent("/");
  });
});
