import { createRawSnippet } from "svelte";
import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import VirtualRows from "./VirtualRows.svelte";

const row = createRawSnippet((place: () => number, id: () => string) => ({
  render: () => `<div role="option" aria-selected="false" id="${id()}">Row ${String(place())}</div>`,
}));

it("draws what is in sight and the current row, of however many there are", () => {
  const onrange = vi.fn();
  const rest = { kind: "listbox", label: "Files", rowHeight: 26, row, onkey: () => false, onrange } as const;
  render(VirtualRows, { ...rest, count: 100_000, current: 99_999 });
  expect(screen.getAllByRole("option").length).toBeLessThan(60);
  const list = screen.getByRole("listbox", { name: "Files" });
  const current = document.getElementById(list.getAttribute("aria-activedescendant") ?? "");
  expect(current).toHaveTextContent("Row 99999");
  expect(onrange).toHaveBeenCalledWith(0, expect.any(Number));
});

it("leaves keys that mean nothing to those around it", async () => {
  const onkey = vi.fn((event: KeyboardEvent) => event.key === "ArrowDown");
  const outside = vi.fn();
  document.body.addEventListener("keydown", outside);
  render(VirtualRows, { kind: "listbox", label: "Files", rowHeight: 26, row, onkey, count: 3, current: -1 });
  screen.getByRole("listbox").focus();
  await userEvent.keyboard("{ArrowDown}{Escape}");
  expect(outside).toHaveBeenCalledTimes(1);
  document.body.removeEventListener("keydown", outside);
});
