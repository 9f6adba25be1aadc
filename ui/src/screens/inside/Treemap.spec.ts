import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it, vi } from "vitest";
import { carry } from "../../state/carry.svelte";
import { closers } from "../../state/closers";
import { status } from "../../state/status.svelte";
import { fakeEngine, storeStatus } from "../../test/engine";
import { mapNode } from "../../test/files";
import Treemap from "./Treemap.svelte";

const MAPS = {
  "": [
    mapNode("", null, 300, true),
    mapNode("usr", 0, 200, true),
    mapNode("srv", 0, 100),
    mapNode("usr/lib", 1, 200),
  ],
  usr: [mapNode("usr", null, 200, true), mapNode("usr/lib", 0, 200)],
};

beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(400);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(300);
});

it("is walked with the arrow keys, gone into with Enter and left with Backspace or Escape", async () => {
  const asked = fakeEngine({ file_treemap: (args) => MAPS[args["folder"] as keyof typeof MAPS] });
  const onfile = vi.fn();
  render(Treemap, {
    props: { target: "sha256:a", view: { kind: "merged" }, diffIds: ["sha256:d"], onfile },
  });
  const map = await screen.findByRole("listbox", { name: /^Map of \/, 300 B/ });
  const on = (): string | null | undefined =>
    document.getElementById(map.getAttribute("aria-activedescendant") ?? "")?.getAttribute("aria-label");
  map.focus();
  await waitFor(() => {
    expect(on()).toBe("usr, folder, 1 file, 200 B, layer 1");
  });
  await userEvent.keyboard("{ArrowRight}");
  expect(on()).toBe("srv, 100 B, layer 1");
  expect(screen.getByRole("option", { selected: true })).toHaveTextContent("srv");
  await userEvent.keyboard("{Enter}");
  expect(onfile).toHaveBeenCalledWith("srv");
  await userEvent.keyboard("{ArrowLeft}{Home}{Enter}");
  await waitFor(() => {
    expect(asked.asked("file_treemap").at(-1)).toMatchObject({ folder: "usr" });
  });
  expect(await screen.findByRole("listbox", { name: /^Map of \/usr, 200 B/ })).toBe(map);
  await userEvent.keyboard("{Backspace}");
  await waitFor(() => {
    expect(on()).toBe("usr, folder, 1 file, 200 B, layer 1");
  });
  await userEvent.keyboard("{Enter}");
  expect(closers.closeLast()).toBe(true);
  await waitFor(() => {
    expect(asked.asked("file_treemap").at(-1)).toMatchObject({ folder: "" });
  });
  expect(closers.closeLast()).toBe(false);
});

it("lets a tile be dragged out of the window, but not the frame around all of them", async () => {
  const asked = fakeEngine({ file_treemap: () => MAPS[""], drag_file: () => null });
  status.value = storeStatus();
  const view = { kind: "upTo", layer: 2 } as const;
  render(Treemap, { props: { target: "sha256:a", view, diffIds: ["sha256:d"], onfile: vi.fn() } });
  const drag = async (from: Element): Promise<void> => {
    await fireEvent.mouseDown(from, { clientX: 40, clientY: 10 });
    carry.move(new MouseEvent("pointermove", { clientX: 60, clientY: 10, buttons: 1 }) as PointerEvent);
  };
  await drag(await screen.findByRole("option", { name: /^usr, folder/ }));
  await drag(screen.getByRole("option", { name: /^srv/ }));
  await drag(screen.getByRole("listbox"));
  expect(asked.asked("drag_file")).toEqual([
    { source: { target: "sha256:a", view, path: "usr" } },
    { source: { target: "sha256:a", view, path: "srv" } },
  ]);
});
