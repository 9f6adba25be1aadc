import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it, vi } from "vitest";
import { closers } from "../../state/closers";
import { fakeEngine } from "../../test/engine";
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
